// SPDX-License-Identifier: MIT
// What oracle-dwarf.py compiles in many ways: functions and inlined calls in all the places where
// compilers put them.
extern "C" int puts(const char *);
extern volatile int input;
volatile int input = 3;

namespace outer {
struct shape {
	virtual int area(int scale) = 0;
	virtual ~shape()
	{
	}
};

template <typename T> static inline __attribute__((always_inline)) T twice(T value)
{
	return value + value * input;
}

// A local class whose methods outlive the function around it, which is only ever inlined.
static inline __attribute__((always_inline)) shape *make(int size)
{
	struct square : shape {
		int size;
		square(int s) : size(s)
		{
		}
		int area(int scale) override
		{
			return twice(size) * scale;
		}
	};
	static square one(size);
	return &one;
}

namespace {
class counter {
	int n = 0;

public:
	__attribute__((noinline)) int next(int by)
	{
		return n += twice(by);
	}
	static int defined_outside(int a);
};
} // namespace

__attribute__((noinline)) int counter::defined_outside(int a)
{
	if (a < input) {
		int scaled = twice(a);
		puts("less");
		return scaled;
	}
	return twice(twice(a));
}
} // namespace outer

static __attribute__((noinline, cold)) int rare(int a)
{
	puts("rare");
	return a ^ input;
}

static inline auto adder(int by)
{
	return [by](int to) __attribute__((noinline)) { return to + by * input; };
}

template <int N> static __attribute__((noinline)) int unrolled(int a)
{
	int sum = 0;
	for (int i = 0; i < N; i++) {
		if (__builtin_expect(a == i * 1000, 0))
			sum += rare(a);
		sum += outer::twice(a + i);
	}
	return sum;
}

int main(int argc, char **)
{
	struct local {
		static __attribute__((noinline)) int method(int a)
		{
			return outer::twice(a);
		}
	};
	outer::counter counter;
	outer::shape *shape = outer::make(argc);
	int sum = shape->area(argc) + counter.next(argc) + local::method(argc);
	sum += outer::counter::defined_outside(argc) + unrolled<3>(argc) + unrolled<5>(argc);
	sum += adder(argc)(sum);
	{
		int inner = outer::twice(sum);
		sum += inner * argc;
	}
	return sum & 1;
}
