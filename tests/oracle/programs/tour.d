// SPDX-License-Identifier: MIT
// What D has: templates, closures, classes, ranges, scope guards, unittest-free modules.
module tour;

import std.algorithm : map, filter, sum;
import std.stdio : writeln;

interface Shape
{
    double area() const;
}

class Square : Shape
{
    private double side;
    this(double side) { this.side = side; }
    double area() const { return side * side; }
}

struct Pair(A, B)
{
    A first;
    B second;
    A swap()
    {
        auto kept = first;
        first = cast(A) second;
        second = cast(B) kept;
        return first;
    }
}

int delegate(int) adder(int by)
{
    int calls;
    return (int n) { calls++; return n + by + calls; };
}

int guarded(int n)
{
    scope (exit) n++;
    try
    {
        if (n > 2)
            throw new Exception("big");
        return n;
    }
    catch (Exception e)
        return -1;
}

void main(string[] args)
{
    int outer = cast(int) args.length;
    int nested(int k) { return k * outer; }
    int[] numbers;
    foreach (i; 0 .. 20)
        numbers ~= nested(i);
    auto pair = Pair!(int, long)(3, 4);
    auto total = numbers.map!(x => x * 2).filter!(x => x % 3 != 0).sum;
    writeln(total, pair.swap(), adder(4)(5), guarded(outer), (new Square(2)).area());
}
