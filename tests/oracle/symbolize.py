#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Turf's answers beside llvm-symbolizer's, and eu-addr2line -i's where the two differ.

    symbolize.py TURF [-n COUNT] [--seed N] [--list N] FILE...

Asks all for the same code addresses of each FILE, random ones where it has more than COUNT, and
compares, frame by frame, function names, files, lines and columns of the whole inline chain.
Every difference is counted under its cause; those that have none fail the run when there are
more than 0.01 % of them (and more than one). Relocatable objects are compared with eu-addr2line
alone: llvm-symbolizer gives all their sections one address.

Exit status: 0 equal enough, 1 not, 77 a tool is missing.
"""
import argparse
import bisect
import collections
import json
import os
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile

LLVM = shutil.which("llvm-symbolizer-19") or shutil.which("llvm-symbolizer")
EU = shutil.which("eu-addr2line")
EM_PPC64, PPC64_OBJDUMP = 21, shutil.which("powerpc64le-linux-gnu-objdump")


class Input:
    """A file to ask about. @truth: another file with the same code, which the other tools are
    asked about; @debug: a folder of debug files by build-id."""

    def __init__(self, path, truth=None, debug=None):
        self.path, self.truth, self.debug = str(path), str(truth or path), debug


def is_relocatable(path):
    with open(path, "rb") as file:
        head = file.read(18)
    return int.from_bytes(head[16:18], "big" if head[5] == 2 else "little") == 1


def sections(path):
    """(name, type, address, size, flags, alignment) of every section."""
    out = subprocess.run(["readelf", "-SW", path], capture_output=True, text=True, check=True)
    for line in out.stdout.splitlines():
        m = re.match(r"\s*\[\s*\d+\] (\S*)\s+([A-Z]\w+)\s+(\w+) \w+ (\w+) \w+\s+([A-Zolpxgk]*)"
                     r"\s+\d+\s+\d+\s+(\d+)", line)
        if m:
            yield m[1], m[2], int(m[3], 16), int(m[4], 16), m[5], int(m[6])


def placed_sections(path):
    """(name, address, size) of the sections with code. Those of an object have no addresses yet:
    one behind the other, as elfutils counts."""
    found, end = [], 0
    placed = is_relocatable(path)
    for name, kind, addr, size, flags, align in sections(path):
        if placed and "A" in flags:
            addr = end = (end + max(align, 1) - 1) // max(align, 1) * max(align, 1)
            end += size
        if "X" in flags and kind in ("PROGBITS", "NOBITS") and size:
            found.append((name, addr, size))
    return found


def code_areas(path):
    """(start, size) of every executable section that holds compiled code."""
    return [(addr, size) for name, addr, size in placed_sections(path)
            if not name.startswith(".plt") and name not in (".init", ".fini", ".glink", ".iplt")]


def debug_file(path):
    notes = subprocess.run(["readelf", "-n", path], capture_output=True, text=True).stdout
    m = re.search(r"Build ID: (\w\w)(\w+)", notes)
    found = m and f"/usr/lib/debug/.build-id/{m[1]}/{m[2]}.debug"
    return found if found and os.path.exists(found) else path


class Symbols:
    """Names of code by address, to know aliases and parts of functions."""

    def __init__(self, path):
        self.names = collections.defaultdict(list)  # name -> sets of names at one address
        self.spans = collections.defaultdict(list)  # name -> (start, size)
        at = collections.defaultdict(set)
        for file in {path, debug_file(path)}:
            out = subprocess.run(["readelf", "-sW", file], capture_output=True, text=True)
            for line in out.stdout.splitlines():
                line = re.sub(r"\[[^\]]*\]", "", line)  # st_other of ppc64
                f = line.split()
                if len(f) >= 8 and f[3] in ("FUNC", "NOTYPE", "IFUNC") and f[6] != "UND":
                    addr, size = int(f[1], 16), int(f[2], 0)
                    name = f[7].split("@")[0]
                    at[addr].add(name)
                    self.spans[name].append((addr, size))
        for names in at.values():
            for name in names:
                self.names[name].append(names)
        self.sized = sorted((s, s + n) for spans in self.spans.values() for s, n in spans if n)

    def is_alias(self, a, b):
        return any(b in names for names in self.names.get(a, ()))

    def covers(self, name, addr):
        """A symbol of that name covers the address."""
        return any(start <= addr and (addr < start + size or size == 0)
                   for start, size in self.spans.get(name, ()))

    def is_padding(self, addr):
        """No symbol with a size covers the address, and one ends before it."""
        i = bisect.bisect_right(self.sized, (addr, 1 << 64))
        return i > 0 and all(addr >= end for _, end in self.sized[max(0, i - 50):i])


class Labels:
    """What objdump puts above instructions: linkers of ppc64 lay stubs among other code."""

    def __init__(self, path):
        self.path, self.all = path, None

    def above(self, addr):
        if self.all is None:
            found = []
            with open(self.path, "rb") as file:
                machine = struct.unpack("<H", file.read(20)[18:])[0]
            if machine == EM_PPC64 and PPC64_OBJDUMP:
                out = subprocess.run([PPC64_OBJDUMP, "-d", self.path], capture_output=True, text=True)
                found = re.findall(r"^([0-9a-f]+) <(.*)>:$", out.stdout, re.MULTILINE)
            self.all = sorted((int(at, 16), name) for at, name in found)
        i = bisect.bisect_right(self.all, (addr, chr(0x10ffff)))
        return self.all[i - 1][1] if i else None


def parse_place(place):
    file, line, column = place.rsplit(":", 2)
    return file, int(line), int(column)


def ask_llvm(item, addrs):
    """For each address [(function, file, line, column)], innermost first."""
    text = "".join(f"{a:#x}\n" for a in addrs)
    more = [f"--debug-file-directory={item.debug}"] if item.debug else []
    out = subprocess.run([LLVM, "--inlines", "--no-demangle", f"--obj={item.truth}", *more],
                         input=text, capture_output=True, text=True, check=True).stdout
    answers = []
    for block in out.split("\n\n")[:len(addrs)]:
        lines = block.strip("\n").split("\n")
        answers.append([(name, *parse_place(place))
                        for name, place in zip(lines[::2], lines[1::2])])
    return answers


def debug_option(turf):
    text = subprocess.run([turf, "symbolize", "--help"], capture_output=True, text=True).stdout
    return "--debuginfo" if "--debuginfo" in text else "--debug-folder"


def ask_turf(turf, item, addrs):
    text = "".join(f"{a:#x}\n" for a in addrs)
    more = [debug_option(turf), item.debug] if item.debug else []
    out = subprocess.run([turf, "symbolize", "--json", *more, "-e", item.path], input=text,
                         capture_output=True, text=True)
    if out.returncode > 1:
        sys.exit(f"{item.path}: {out.stderr}")
    answers = []
    for line in out.stdout.splitlines():
        frames = json.loads(line)["frames"]
        answers.append([(f.get("function", "??"), f.get("linkage_name"), f.get("file", "??"),
                         f.get("line", 0), f.get("column", 0)) for f in frames])
    return answers


def ask_eu(item, addrs):
    """{address: [(function, file, line, column or None)]}, innermost first."""
    if not EU or not addrs:
        return {}
    text = "".join(f"{a:#x}\n" for a in addrs)
    more = [f"--debuginfo-path={item.debug}"] if item.debug else []
    out = subprocess.run([EU, "-a", "-i", "-f", "-e", item.truth, *more], input=text,
                         capture_output=True, text=True, errors="replace").stdout
    answers, frames, name = {}, None, None
    for line in out.splitlines():
        if re.fullmatch(r"0x(?:[0-9a-f]{8}|[0-9a-f]{16})", line):
            frames = answers[int(line, 16)] = []
            name = None
        elif name is None:
            name = line.split(" inlined at ")[0]
        else:
            m = re.match(r"(.*?):(\d+)(?::(\d+))?(?: \(.*\))?$", line)
            frames.append((name, m[1], int(m[2]), int(m[3]) if m[3] else None)
                          if m else (name, "??", 0, None))
            name = None
    return answers


def same_path(a, b):
    if a == b or os.path.normpath(a) == os.path.normpath(b):
        return True
    # elfutils writes a relative compilation directory twice
    a, b = os.path.normpath(a), os.path.normpath(b)
    return len(a) > 3 and len(b) > 3 and (a.endswith("/" + b) or b.endswith("/" + a))


def is_nothing(frames):
    return not frames or all(f[0] == "??" and f[-2] == 0 for f in frames)


def is_part(symbol, function, linkage):
    """What compilers call the parts, clones and copies of a function."""
    return any(name and (symbol.startswith(name + ".") or symbol == "_ada_" + name)
               for name in (function, linkage))


def compare(ours, theirs, addr, symbols):
    """None when equal, else the cause of the (first) difference."""
    if is_nothing(ours) and is_nothing(theirs):
        return None
    if len(ours) != len(theirs):
        return "inline chain of another length"
    verdict = None
    for i, (mine, other) in enumerate(zip(ours, theirs)):
        function, linkage, file, line, column = mine
        name, o_file, o_line, o_column = other
        if name not in (function, linkage):
            name = name.split("@")[0]  # a version is not said of all symbols
        if name not in (function, linkage):
            last = i == len(ours) - 1
            if last and (symbols.is_alias(name, linkage or function) or
                         symbols.is_alias(name, function)):
                verdict = verdict or "alias: another symbol of the same address"
            elif last and is_part(name, function, linkage) and symbols.covers(name, addr):
                verdict = verdict or "part: llvm names the symbol of a part or clone (.cold, .isra)"
            else:
                return "other function"
        if o_line == 0 and o_file == "??":
            o_file = file if line == 0 else o_file
        if line != o_line:
            return "other line"
        if line and not same_path(file, o_file):
            return "other file"
        if line and o_column is not None and column != o_column:
            return "other column"
    return verdict


EXPLAINED = ("alias", "part", "llvm alone", "padding", "go:", "stripped:", "stub:")


def is_explained(cause):
    return cause is None or cause.startswith(EXPLAINED)


def is_missing(mine, llvm):
    """Lines that we lack are no matter of taste, whoever else lacks them."""
    return bool(llvm) and llvm[0][2] and not (mine and mine[0][3])


def judge(cause, mine, llvm, eu, addr, symbols):
    """The cause with what elfutils says about it, which shares no code with llvm."""
    if eu is None:
        return cause
    if is_explained(compare(mine, eu, addr, symbols)):
        return f"llvm alone: {cause}, elfutils answers as we do"
    if llvm is not None and is_explained(compare([(f[0], None, *f[1:]) for f in llvm], eu, addr,
                                                 symbols)):
        return f"turf alone: {cause}"
    return f"three answers: {cause}"


def of_go(cause, mine, llvm):
    """What Go's own tables say otherwise than the DWARF of the same program."""
    if len(mine) == len(llvm) + 1 and mine[-1][2] == "<autogenerated>":
        return "go: its tables know what a wrapper inlines, its DWARF does not"
    if len(mine) == len(llvm) and all(
            m[0] == re.sub(r"\[.*\]", "[...]", o[0]) and m[3] == o[2] or
            o[0].split("@")[0] in (m[0], m[0] + ".abi0") and m[3] == o[2]
            for m, o in zip(mine, llvm)):
        return "go: its tables leave out what stands in brackets"
    if is_nothing(mine) and all(o[2] == 0 for o in llvm):
        return "stripped: a symbol alone names it, and that is gone"
    if [m[0] for m in mine] == [o[0] for o in llvm] and llvm[0][2] == 0:
        return "go: its tables have a line, its DWARF has none"
    return cause


def compare_with_eu(item, addrs, ours, symbols):
    """Relocatable objects: elfutils, which stretches a name over the padding behind it."""
    eu = ask_eu(item, addrs)
    verdicts = []
    for addr, mine in zip(addrs, ours):
        cause = compare(mine, eu.get(addr, []), addr, symbols)
        if cause and not is_explained(cause) and is_nothing(mine) and symbols.is_padding(addr):
            cause = "padding: elfutils stretches what is before it"
        verdicts.append(cause)
    return verdicts, [eu.get(a) for a in addrs]


def pick(path, n, seed):
    """All code addresses where there are no more than @n; else random ones."""
    areas = code_areas(path)
    sizes = [size for _, size in areas]
    if sum(sizes) <= n:
        return sorted({a for start, size in areas for a in range(start, start + size)})
    rng = random.Random(seed)
    return [start + rng.randrange(size) for start, size in rng.choices(areas, weights=sizes, k=n)]


def check(turf, item, n, seed=1, n_list=0, out=print):
    """(number of addresses, {cause: how many}) of one input."""
    addrs = pick(item.truth, n, seed)
    if not addrs:
        sys.exit(f"{item.path}: no code")
    symbols, labels = Symbols(item.truth), Labels(item.truth)
    ours = ask_turf(turf, item, addrs)
    if is_relocatable(item.truth):
        verdicts, others = compare_with_eu(item, addrs, ours, symbols)
        eu = {}
    else:
        others = ask_llvm(item, addrs)
        verdicts = [compare(mine, other, addr, symbols)
                    for addr, mine, other in zip(addrs, ours, others)]
        eu = ask_eu(item, [a for a, v in zip(addrs, verdicts) if not is_explained(v)])
    if len(ours) != len(addrs) or len(others) != len(addrs):
        sys.exit(f"{item.path}: {len(addrs)} addresses, {len(ours)} answers, {len(others)} from llvm")
    causes = collections.Counter()
    for addr, mine, other, cause in zip(addrs, ours, others, verdicts):
        if (not is_explained(cause) and mine and mine[0][0].endswith("@plt") and
                mine[0][0] == labels.above(addr)):
            cause = "stub: objdump names it so, llvm does not"
        if not is_explained(cause) and item.path != item.truth:
            cause = of_go(cause, mine, other)
        if not is_explained(cause) and addr in eu and not is_missing(mine, other):
            cause = judge(cause, mine, other, eu[addr], addr, symbols)
        causes[cause] += 1
        if cause and (not is_explained(cause) or "alone" in cause) and causes[cause] <= n_list:
            out(f"  {addr:#x} {cause}\n    turf {mine}\n    llvm {other}\n    eu   {eu.get(addr)}")
    return len(addrs), causes


def is_good(n, causes):
    unexplained = sum(c for cause, c in causes.items() if not is_explained(cause))
    return unexplained <= max(1, n // 10_000)


def report(name, n, causes, out=print):
    unexplained = sum(c for cause, c in causes.items() if not is_explained(cause))
    out(f"{name}: {n} addresses, {100 * (n - unexplained) / n:.3f} % equal or explained")
    for cause, count in causes.most_common():
        out(f"  {count:8} {cause or 'equal in every field'}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("turf")
    parser.add_argument("-n", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--list", type=int, default=3, help="differences shown of each cause")
    parser.add_argument("files", nargs="+")
    args = parser.parse_args()
    if not LLVM or not EU:
        print("llvm-symbolizer or eu-addr2line is not installed: not compared")
        sys.exit(77)
    good = True
    with tempfile.TemporaryDirectory() as store:
        os.environ["TURF_STORE"] = store
        for file in args.files:
            n, causes = check(args.turf, Input(file), args.n, args.seed, args.list)
            report(file, n, causes)
            good = good and is_good(n, causes)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
