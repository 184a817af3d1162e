/* SPDX-License-Identifier: MIT */
/* What oracle-dwarf.py compiles: functions within functions, which gcc knows. */
int rand(void);
static int (*volatile called)(int);

static inline __attribute__((always_inline)) int inlined(int k)
{
	int inner(int x)
	{
		return x * k + rand();
	}
	called = inner;
	return inner(k) + called(k);
}

static __attribute__((noinline)) int outer(int k)
{
	int first(int x)
	{
		return x * k + rand();
	}
	called = first;
	int r = inlined(called(3));
	{
		int second(int z)
		{
			return inlined(z) + k;
		}
		called = second;
		r += called(4);
	}
	return r + inlined(r);
}

int main(int argc, char **argv)
{
	(void)argv;
	return inlined(argc) + outer(argc);
}
