#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Turf's answers beside llvm-symbolizer's, and eu-addr2line's where the two differ.

    symbolize.py TURF [-n COUNT] [--seed N] [--list N] FILE...

Asks all for the same random code addresses of each FILE and compares, frame by frame, function
names, files, lines and columns of the whole inline chain. Every difference is counted under its
cause; one that has none fails the run when there are more than 0.1 % of them.

Exit status: 0 equal enough, 1 not, 77 a tool is missing.
"""
import argparse
import collections
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

LLVM = shutil.which("llvm-symbolizer-19") or shutil.which("llvm-symbolizer")
EU = shutil.which("eu-addr2line")


def code_areas(path):
    """(start, size) of every executable section that holds compiled code."""
    out = subprocess.run(["readelf", "-SW", path], capture_output=True, text=True, check=True)
    areas = []
    for line in out.stdout.splitlines():
        m = re.match(r"\s*\[\s*\d+\] (\S+)\s+PROGBITS\s+(\w+) \w+ (\w+) \w+\s+(\w*X\w*)\s", line)
        if m and not m[1].startswith(".plt") and m[1] not in (".init", ".fini"):
            areas.append((int(m[2], 16), int(m[3], 16)))
    return areas


def debug_file(path):
    notes = subprocess.run(["readelf", "-n", path], capture_output=True, text=True).stdout
    m = re.search(r"Build ID: (\w\w)(\w+)", notes)
    found = m and f"/usr/lib/debug/.build-id/{m[1]}/{m[2]}.debug"
    return found if found and os.path.exists(found) else path


class Symbols:
    """Names of code by address, to know aliases and parts of functions."""

    def __init__(self, path):
        self.at = collections.defaultdict(set)
        self.parts = []
        for file in {path, debug_file(path)}:
            out = subprocess.run(["readelf", "-sW", file], capture_output=True, text=True)
            for line in out.stdout.splitlines():
                f = line.split()
                if len(f) >= 8 and f[3] in ("FUNC", "NOTYPE", "IFUNC") and f[6] != "UND":
                    addr, size = int(f[1], 16), int(f[2], 0)
                    name = f[7].split("@")[0]
                    self.at[addr].add(name)
                    self.parts.append((addr, size, name))
        self.parts.sort()

    def is_alias(self, a, b):
        return any(a in names and b in names for names in self.by_name(a))

    def by_name(self, name):
        if not hasattr(self, "names"):
            self.names = collections.defaultdict(list)
            for names in self.at.values():
                for n in names:
                    self.names[n].append(names)
        return self.names.get(name, ())

    def covers(self, name, addr):
        """A symbol of that name covers the address."""
        if not hasattr(self, "spans"):
            self.spans = collections.defaultdict(list)
            for start, size, n in self.parts:
                self.spans[n].append((start, size))
        return any(start <= addr and (addr < start + size or size == 0)
                   for start, size in self.spans.get(name, ()))


def ask_llvm(path, addrs):
    """addr -> [(function, file, line, column)], innermost first."""
    text = "".join(f"{a:#x}\n" for a in addrs)
    out = subprocess.run([LLVM, "--inlines", "--no-demangle", f"--obj={path}"], input=text,
                         capture_output=True, text=True, check=True).stdout
    answers = []
    for block in out.split("\n\n")[:len(addrs)]:
        lines = block.strip("\n").split("\n")
        frames = []
        for name, place in zip(lines[::2], lines[1::2]):
            file, line, column = place.rsplit(":", 2)
            frames.append((name, file, int(line), int(column)))
        answers.append(frames)
    return answers


def ask_turf(turf, path, addrs):
    text = "".join(f"{a:#x}\n" for a in addrs)
    out = subprocess.run([turf, "symbolize", "--json", "-e", path], input=text,
                         capture_output=True, text=True)
    if out.returncode > 1:
        sys.exit(out.stderr)
    answers = []
    for line in out.stdout.splitlines():
        frames = json.loads(line)["frames"]
        answers.append([(f.get("function", "??"), f.get("linkage_name"), f.get("file", "??"),
                         f.get("line", 0), f.get("column", 0)) for f in frames])
    return answers


def ask_eu(path, addrs):
    """addr -> (function, "file:line") of the innermost frame, for addresses llvm is alone with."""
    if not EU or not addrs:
        return {}
    text = "".join(f"{a:#x}\n" for a in addrs)
    out = subprocess.run([EU, "-f", "-a", "-e", path], input=text, capture_output=True, text=True)
    lines = out.stdout.splitlines()
    return {int(a, 16): (f, re.sub(r"^(.*:\d+):\d+.*$", r"\1", place))
            for a, f, place in zip(lines[::3], lines[1::3], lines[2::3])}


def eu_agrees(mine, eu, symbols):
    """elfutils, which shares no code with llvm, gives the same innermost function and line."""
    if not mine or not eu:
        return False
    function, linkage = mine[-1][:2]
    place = f"{mine[0][2]}:{mine[0][3]}" if mine[0][3] else "??:0"
    return (eu[0] in (function, linkage) or symbols.is_alias(eu[0], linkage or function)) and \
        same_path(eu[1], place)


def same_path(a, b):
    return a == b or os.path.normpath(a) == os.path.normpath(b)


def compare(ours, theirs, addr, symbols):
    """None when equal, else the cause of the (first) difference."""
    if not ours and (not theirs or theirs == [("??", "??", 0, 0)]):
        return None
    if len(ours) != len(theirs):
        return "inline chain of another length"
    verdict = None
    for i, (mine, other) in enumerate(zip(ours, theirs)):
        function, linkage, file, line, column = mine
        name, o_file, o_line, o_column = other
        name = name.split("@")[0]
        if name not in (function, linkage):
            last = i == len(ours) - 1
            if last and (symbols.is_alias(name, linkage or function) or
                         symbols.is_alias(name, function)):
                verdict = verdict or "alias: another symbol of the same address"
            elif last and symbols.covers(name, addr):
                verdict = verdict or "part: llvm names the symbol of a split-off part"
            else:
                return "other function"
        if o_line == 0 and o_file == "??":
            o_file = file if line == 0 else o_file
        if line != o_line:
            return "other line"
        if line and not same_path(file, o_file):
            return "other file"
        if line and column != o_column:
            return "other column"
    return verdict


EXPLAINED = ("alias", "part", "llvm alone")


def check(turf, path, n, seed, n_list):
    rng = random.Random(seed)
    areas = code_areas(path)
    sizes = [size for _, size in areas]
    addrs = [start + rng.randrange(size)
             for start, size in rng.choices(areas, weights=sizes, k=n)]
    symbols = Symbols(path)
    theirs, ours = ask_llvm(path, addrs), ask_turf(turf, path, addrs)
    if len(ours) != n or len(theirs) != n:
        sys.exit(f"{path}: {n} addresses, {len(ours)} answers, {len(theirs)} from llvm")
    causes, listed = collections.Counter(), collections.Counter()
    verdicts = [compare(mine, other, addr, symbols)
                for addr, mine, other in zip(addrs, ours, theirs)]
    eu = ask_eu(path, [a for a, v in zip(addrs, verdicts) if v and not v.startswith(EXPLAINED)])
    for addr, mine, other, cause in zip(addrs, ours, theirs, verdicts):
        if cause == "other function" and eu_agrees(mine, eu.get(addr), symbols):
            cause = f"llvm alone: {cause}, elfutils answers as we do"
        causes[cause] += 1
        if cause and not cause.startswith(EXPLAINED) and listed[cause] < n_list:
            listed[cause] += 1
            print(f"  {addr:#x} {cause}\n    turf {mine}\n    llvm {other}\n"
                  f"    eu   {eu.get(addr)}")
    unexplained = sum(c for cause, c in causes.items()
                      if cause and not cause.startswith(EXPLAINED))
    equal = 100 * (n - unexplained) / n
    print(f"{path}: {n} addresses, {equal:.3f} % as llvm-symbolizer")
    for cause, count in causes.most_common():
        print(f"  {count:8} {cause or 'equal in every field'}")
    return equal >= 99.9


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("turf")
    parser.add_argument("-n", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--list", type=int, default=3, help="differences shown of each cause")
    parser.add_argument("files", nargs="+")
    args = parser.parse_args()
    if not LLVM:
        print("llvm-symbolizer is not installed: not compared")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as store:
        os.environ["TURF_STORE"] = store
        results = [check(args.turf, f, args.n, args.seed, args.list) for f in args.files]
    sys.exit(0 if all(results) else 1)


main()
