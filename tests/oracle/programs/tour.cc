// SPDX-License-Identifier: MIT
// What C++ has: templates, lambdas, exceptions, virtual functions, constructors (C1, C2),
// operators, namespaces, local classes, COMDAT copies, static initialisers, destructors.
#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "shared.hh"

namespace tour {
namespace {

class Shape {
public:
	explicit Shape(double size) : size_(size)
	{
		if (size < 0)
			throw std::invalid_argument("negative");
	}
	virtual ~Shape() = default;
	virtual double area() const = 0;

protected:
	double size_;
};

struct Square final : Shape {
	using Shape::Shape;
	double area() const override
	{
		return size_ * size_;
	}
};

struct Circle final : Shape {
	explicit Circle(double size) : Shape(size / 2)
	{
	}
	double area() const override
	{
		return 3.14159 * size_ * size_;
	}
};

template <typename Key, typename Value> class Counter {
public:
	Value &operator[](const Key &key)
	{
		auto found = map_.find(key);
		return found == map_.end() ? map_.emplace(key, Value{}).first->second
		                           : found->second;
	}
	template <typename Function> void each(Function &&function) const
	{
		for (const auto &entry : map_)
			function(entry.first, entry.second);
	}

private:
	std::map<Key, Value> map_;
};

template <unsigned N> struct Fibonacci {
	static unsigned of(unsigned x)
	{
		return Fibonacci<N - 1>::of(x) + Fibonacci<N - 2>::of(x + 1);
	}
};
template <> struct Fibonacci<1> {
	static unsigned of(unsigned x)
	{
		return x;
	}
};
template <> struct Fibonacci<0> {
	static unsigned of(unsigned x)
	{
		return x * 2;
	}
};

std::string word(unsigned n)
{
	struct Local {
		std::string text;
		void add(char c)
		{
			text.push_back(c);
		}
	} local;
	for (; n; n /= 26)
		local.add(static_cast<char>('a' + n % 26));
	return local.text;
}

const std::string greeting = word(123456);

double total(const std::vector<std::unique_ptr<Shape>> &shapes)
{
	double sum = 0;
	for (const auto &shape : shapes)
		sum += shape->area();
	return sum;
}

} // namespace

__attribute__((noinline)) unsigned risky(unsigned n)
{
	try {
		std::vector<std::unique_ptr<Shape>> shapes;
		shapes.push_back(std::make_unique<Square>(n));
		shapes.push_back(std::make_unique<Circle>(3.0 - n));
		return static_cast<unsigned>(total(shapes));
	} catch (const std::invalid_argument &) {
		return 1;
	} catch (...) {
		throw;
	}
}

unsigned run(unsigned n)
{
	Counter<std::string, unsigned> counter;
	std::vector<unsigned> numbers;
	for (unsigned i = 0; i < 50; i++) {
		numbers.push_back(shared_hash(i * n));
		counter[word(i % 7)] += i;
	}
	std::sort(numbers.begin(), numbers.end(),
	          [n](unsigned a, unsigned b) { return (a ^ n) < (b ^ n); });
	unsigned sum = 0;
	counter.each([&sum](const std::string &key, unsigned value) {
		sum += value * static_cast<unsigned>(key.size());
	});
	std::function<unsigned(unsigned)> later = [&](unsigned x) {
		return accumulate_all(numbers) + x;
	};
	return sum + later(n) + risky(n) + Fibonacci<6>::of(n) + Twice<long>(n).value() +
	       static_cast<unsigned>(greeting.size());
}

} // namespace tour

int main(int argc, char **)
{
	return tour::run(static_cast<unsigned>(argc)) + shared_user(argc) == 0;
}
