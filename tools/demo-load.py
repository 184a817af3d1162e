#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Some seconds of ordinary work for the profiler to look at: demo-load.py [SECONDS]."""

import json
import random
import re
import sys
import time
import zlib

WORDS = "urf map rule stack frame symbol inline module image store table line".split()


class Shape:
    """A tree of shapes; area() calls itself down the tree."""

    def __init__(self, depth, rng):
        self.width, self.height = rng.random(), rng.random()
        self.parts = [Shape(depth - 1, rng) for _ in range(3)] if depth else []

    def area(self):
        return self.width * self.height + sum(part.area() for part in self.parts)


def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


def records(rng, n):
    return [
        {"id": i, "name": rng.choice(WORDS), "at": [rng.random() for _ in range(4)]}
        for i in range(n)
    ]


def text_work(rng):
    text = " ".join(rng.choice(WORDS) + str(rng.randrange(1000)) for _ in range(4000))
    numbers = [int(m.group(2)) for m in re.finditer(r"(\w*[aeiou]\w*?)(\d+)", text)]
    return sum(numbers) + len(zlib.decompress(zlib.compress(text.encode(), 9)))


def json_work(rng):
    data = records(rng, 800)
    return len(json.loads(json.dumps(data, indent=1)))


def sort_work(rng):
    rows = [(rng.random(), rng.choice(WORDS)) for _ in range(20000)]
    return sorted(rows, key=lambda row: (row[1], -row[0]))[0]


def main(seconds):
    rng = random.Random(1)
    shape = Shape(6, rng)
    end = time.monotonic() + seconds
    rounds = 0
    while time.monotonic() < end:
        text_work(rng)
        json_work(rng)
        sort_work(rng)
        fibonacci(17)
        for _ in range(5):
            shape.area()
        rounds += 1
    print("demo-load: %d rounds" % rounds)


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 5)
