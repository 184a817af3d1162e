// SPDX-License-Identifier: MIT
/* Templates, virtual functions, a lambda, references; it ends by abort(). */
#include <cstdlib>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace ns {
enum class Kind : unsigned char { None, Some = 3 };

template <class T> struct Box {
	T v;
	int n;
	virtual ~Box() {}
	virtual int f(int k)
	{
		int loc = k + n;
		if (k > 2)
			abort();
		return g(loc);
	}
	int g(int q)
	{
		Box copy(*this);
		return copy.f(q);
	}
};

struct D : Box<double> {
	char tag = 'd';
	bool flag = true;
	Kind kind = Kind::Some;
	int f(int k) override
	{
		auto lambda = [&](int z) { return Box<double>::f(z + k); };
		return lambda(1);
	}
};
}

static __attribute__((noinline)) int run(const std::string &s, std::vector<int> &v, int &&rr)
{
	ns::D d;
	d.v = 3.5;
	d.n = 1;
	ns::Box<double> &ref = d;
	int ns::D::*member = &ns::D::n;
	return ref.f((int)v.size()) + (int)s.size() + rr + d.*member;
}

int main()
{
	std::vector<int> v;
	std::string s = "hello string which is long enough";
	std::map<int, int> m;
	m[1] = 2;
	try {
		return run(s, v, 5);
	} catch (std::exception &e) {
		return 1;
	}
}
