// SPDX-License-Identifier: MIT
#ifndef SHARED_HH
#define SHARED_HH

#include <numeric>
#include <vector>

// Both files have a copy; the linker keeps one.
inline __attribute__((noinline)) unsigned shared_hash(unsigned n)
{
	for (int i = 0; i < 3; i++)
		n = n * 2654435761u + (n >> 13);
	return n;
}

template <typename Container> unsigned accumulate_all(const Container &container)
{
	return std::accumulate(container.begin(), container.end(), 0u,
	                       [](unsigned a, unsigned b) { return a * 31 + b; });
}

template <typename T> class Twice {
public:
	explicit Twice(T value) : value_(value)
	{
	}
	__attribute__((noinline)) T value() const
	{
		return value_ * 2;
	}

private:
	T value_;
};

unsigned shared_user(int n);

#endif
