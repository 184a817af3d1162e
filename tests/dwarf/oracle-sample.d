// SPDX-License-Identifier: MIT
// What oracle-dwarf.py compiles: methods, nested functions, delegates, templates.
module sample;

extern (C) int rand();

struct Square
{
    int size;
    int area(int scale)
    {
        int inner(int x)
        {
            return x * scale + rand();
        }

        return inner(size) + twice(size);
    }
}

class Shape
{
    int n;
    int delegate(int) maker(int by)
    {
        return (int x) => x * by + n;
    }
}

T twice(T)(T x)
{
    return x + x;
}

pragma(inline, true) int thrice(int x)
{
    return 3 * x;
}

extern (C) int main()
{
    auto s = Square(rand());
    scope shape = new Shape;
    int first(int a)
    {
        int second(int b)
        {
            return a * b + s.size;
        }

        return second(thrice(a));
    }

    return first(s.area(2)) + shape.maker(3)(4) + cast(int) twice(2L);
}
