#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The addr2line that turf is, beside binutils' addr2line, byte for byte.

    drop-in.py TURF [-n COUNT] [--seed N] [--list N] [FILE...]

Asks both for the same random code addresses of fixtures compiled here (C and C++, -O0 and -O2,
DWARF 4 and 5) and of each FILE, with every combination of options below. Answers that differ are
counted by cause: where binutils errs, llvm-symbolizer or eu-addr2line must answer as we do.

Exit status: 0 all equal or explained, 1 not, 77 a tool is missing.
"""
import argparse
import collections
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile

BINUTILS = "/usr/bin/addr2line"
LLVM = shutil.which("llvm-symbolizer-19") or shutil.which("llvm-symbolizer")
EU = shutil.which("eu-addr2line")

COMBINATIONS = ["", "-f", "-s", "-C", "-i", "-p", "-fC", "-fs", "-fi", "-fip", "-fiC", "-fipsC",
                "-pC", "-is", "--functions --inlines --demangle=none", "-f --demangle=gnu-v3"]

C = r"""
volatile int sink;
static inline __attribute__((always_inline)) int twice(int i) { sink = i; return i * 2; }
static inline __attribute__((always_inline)) int four(int i)
{
	int r = twice(i);
	return r + twice(r);
}
__attribute__((noinline)) static int part(int i, int k)
{
	if (i > 3)
		for (int n = 0; n < k; n++)
			sink += four(n + i);
	return sink;
}
int work(int i) { return part(i, 7) + four(i); }
int main(int argc, char **argv)
{
	(void)argv;
	return work(argc);
}
"""
CXX = r"""
#include <map>
#include <string>
#include <vector>
namespace space {
template <class T> struct Box {
	std::vector<T> all;
	void put(const T &t) { all.push_back(t); }
	T sum() const { T r{}; for (auto &t : all) r += t; return r; }
	~Box() { all.clear(); }
};
static int count(const std::string &text)
{
	std::map<char, int> seen;
	for (char c : text)
		seen[c]++;
	auto most = [&](int least) { int n = 0; for (auto &s : seen) n += s.second > least; return n; };
	return most(1);
}
}
int main(int argc, char **argv)
{
	space::Box<std::string> box;
	space::Box<double> numbers;
	for (int i = 0; i < argc; i++) {
		box.put(argv[i]);
		numbers.put(i);
	}
	return space::count(box.sum()) + (int)numbers.sum();
}
"""


def fixtures(folder):
    for name, source, compiler in (("c.c", C, "gcc"), ("cxx.cc", CXX, "g++")):
        (folder / name).write_text(source)
        for level in ("-O0", "-O2"):
            for dwarf in ("4", "5"):
                out = folder / f"{compiler}{level}-dwarf{dwarf}"
                subprocess.run([compiler, level, f"-gdwarf-{dwarf}", name, "-o", out],
                               check=True, cwd=folder)
                yield str(out)


def code_areas(path):
    out = subprocess.run(["readelf", "-SW", path], capture_output=True, text=True, check=True)
    for line in out.stdout.splitlines():
        m = re.match(r"\s*\[\s*\d+\] (\.text\S*)\s+PROGBITS\s+(\w+) \w+ (\w+) ", line)
        if m:
            yield int(m[2], 16), int(m[3], 16)


def debug_file(path):
    notes = subprocess.run(["readelf", "-n", path], capture_output=True, text=True).stdout
    m = re.search(r"Build ID: (\w\w)(\w+)", notes)
    found = m and f"/usr/lib/debug/.build-id/{m[1]}/{m[2]}.debug"
    return found if found and os.path.exists(found) else path


class Symbols:
    """Which names stand at one address, and where each function ends."""

    def __init__(self, path):
        out = subprocess.run(["readelf", "-sW", debug_file(path)], capture_output=True, text=True)
        at = collections.defaultdict(set)
        self.spans = []
        for line in out.stdout.splitlines():
            f = line.split()
            if len(f) >= 8 and f[3] in ("FUNC", "NOTYPE", "IFUNC") and f[6] != "UND":
                at[int(f[1], 16)].add(f[7].split("@")[0])
                self.spans.append((int(f[1], 16), int(f[2], 0), f[7].split("@")[0]))
        self.names = collections.defaultdict(list)
        for names in at.values():
            for n in names:
                self.names[n].append(names)

    def is_alias(self, a, b):
        return any(b in names for names in self.names.get(a, ()))

    def covers(self, name, addr):
        return any(start <= addr < start + size for start, size, n in self.spans if n == name)

    def known(self, addr):
        """Within the bounds of some function."""
        return any(start <= addr < start + size for start, size, _ in self.spans)


def ask(command, path, options, addrs):
    text = "".join(f"{a:x}\n" for a in addrs)
    out = subprocess.run([command, *options, "-e", path], input=text, capture_output=True,
                         text=True)
    if out.returncode or out.stderr:
        sys.exit(f"{command} {options}: status {out.returncode}, {out.stderr}")
    return out.stdout


def blocks(text):
    """Answers begun by their address, "0x...\\n" or "0x...: "."""
    return re.split(r"^0x[0-9a-f]{16}(?:\n|: )", text, flags=re.M)[1:]


def frames(block, functions, pretty):
    """(function, file, line) of each frame; function is "" where it was not asked for."""
    lines = block.splitlines()
    if pretty:
        for line in lines:
            line = line.removeprefix(" (inlined by) ")
            name, place = ("", line)
            if functions:
                name, _, place = (line.rpartition(" at ") if " at " in line
                                  else line.partition(" "))
            yield (name, *place.rsplit(":", 1))
    elif functions:
        for name, place in zip(lines[::2], lines[1::2]):
            yield (name, *place.rsplit(":", 1))
    else:
        for place in lines:
            yield ("", *place.rsplit(":", 1))


def ask_llvm(path, options, addrs):
    """The same frames by llvm, raw names."""
    if not LLVM or not addrs:
        return {}
    args = ["--no-demangle", "--output-style=GNU", "-f", "-a"]
    args += ["-s"] if "s" in options else []
    text = "".join(f"{a:#x}\n" for a in addrs)
    out = subprocess.run([LLVM, *args, "-e", path], input=text, capture_output=True, text=True)
    answers = re.split(r"^0x[0-9a-f]+\n", out.stdout, flags=re.M)[1:]
    return {a: list(frames(b, True, False)) for a, b in zip(addrs, map(no_discriminator, answers))}


def no_discriminator(text):
    return re.sub(r" \(discriminator \d+\)", "", text)


def same_file(a, b):
    return os.path.normpath(a) == os.path.normpath(b)


def cause_of(mine, other, addr, symbols, llvm):
    """Why the frames of the two differ; "?" where nothing is known that explains it."""
    if mine and mine[0][0] == other[0][0] and mine[0][1:] == ("??", "?") and other[0][2] == "?":
        return "binutils tells the file of a symbol table"
    if mine and mine[0][1:] == ("??", "0") and not symbols.known(addr):
        return "padding: no function covers it, binutils names the one before"
    cause = None
    if len(mine) != len(other):
        return agrees(mine, llvm) and "binutils' inline chain is another, llvm's is ours" or "?"
    for i, (m, o) in enumerate(zip(mine, other)):
        if m[2] != o[2]:
            if m[2] == "0" and o[2] == "?" or m[2] == "?":
                return "binutils tells the file of a symbol table" if m[0] == o[0] else "?"
            return "binutils' line is another, llvm's is ours" if agrees(mine, llvm) else "?"
        if m[1] == "??" and o[2] == "?":
            cause = cause or "binutils tells the file of a symbol table"
        elif not same_file(m[1], o[1]):
            if o[1].endswith("/" + m[1]) or o[1].endswith(m[1].removeprefix(".")):
                cause = cause or "binutils puts a relative compilation directory there twice"
                continue
            if not agrees(mine, llvm):
                return "?"
            cause = cause or "binutils' file is another at that line, llvm's is ours"
        elif m[1] != o[1]:
            cause = cause or "the same path, written in another way"
        if m[0] != o[0]:
            if symbols.is_alias(m[0], o[0]):
                cause = cause or "alias: another symbol of the same address"
            elif symbols.covers(o[0], addr) and i < len(llvm or mine) - 1:
                cause = cause or "binutils gives an inlined function its caller's name"
            elif symbols.covers(o[0], addr):
                cause = cause or "part: binutils names the symbol of a split-off part"
            elif llvm and m[0] in (llvm[i][0] if i < len(llvm) else "",):
                cause = cause or "binutils names another function, llvm names ours"
            else:
                return "?"
    return cause or "?"


def agrees(mine, llvm):
    return bool(llvm) and [(os.path.normpath(f[1]), f[2]) for f in mine] == \
        [(os.path.normpath(f[1]), f[2]) for f in llvm[:len(mine)]]


class Run:
    def __init__(self, tool, options):
        self.tool, self.options = tool, options
        self.causes, self.listed = collections.Counter(), collections.Counter()
        self.unexplained = 0

    def compare(self, path, text, addrs, symbols):
        options = text.split()
        # Demangling is compared where the names are the same: on names both have raw.
        functions, pretty = "-f" in text or "--functions" in text, "p" in text.split("--")[0]
        theirs = ask(BINUTILS, path, ["-a", *options], addrs)
        ours = ask(self.tool, path, ["-a", *options], addrs)
        for command, told in ((BINUTILS, theirs), (self.tool, ours)):
            if "".join(blocks(told)) != ask(command, path, options, addrs):
                sys.exit(f"{command} {text}: -a changes more than the address")
        if re.findall(r"^0x.{16}", theirs, re.M) != re.findall(r"^0x.{16}", ours, re.M):
            sys.exit(f"{path} {text}: not the same addresses")
        pairs = list(zip(addrs, blocks(ours), blocks(theirs)))
        different = []
        for addr, mine, other in pairs:
            if mine == other:
                self.causes["equal"] += 1
            elif no_discriminator(mine) == no_discriminator(other):
                self.causes["equal but for the discriminator"] += 1
            else:
                different.append((addr, mine, other))
        self.explain(path, text, different, functions, pretty, symbols)

    def explain(self, path, text, different, functions, pretty, symbols):
        short = text.split("--")[0] + ("i" if "--inlines" in text else "")
        llvm = ask_llvm(path, short, [a for a, _, _ in different])
        raw = {}
        if "C" in short or "gnu-v3" in text: # names beside llvm's: raw
            text_raw = text.replace("C", "").replace("--demangle=gnu-v3", "")
            asked = ["-a", *(o for o in text_raw.split() if o != "-")]
            all_addrs = [a for a, _, _ in different]
            both = [blocks(ask(t, path, asked, all_addrs)) for t in (self.tool, BINUTILS)]
            raw = {a: (m, o) for a, m, o in zip(all_addrs, *both)}
        for addr, mine, other in different:
            m, o = raw.get(addr, (mine, other))
            cause = cause_of(list(frames(no_discriminator(m), functions, pretty)),
                             list(frames(no_discriminator(o), functions, pretty)), addr,
                             symbols, llvm.get(addr))
            self.causes[cause] += 1
            if cause == "?":
                self.unexplained += 1
                self.listed[cause] += 1
            if cause == "?" and self.listed[cause] <= self.options.list:
                print(f"  {path} {text} {addr:#x}\n{mine}  -- binutils:\n{other}"
                      f"  -- llvm: {llvm.get(addr)}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("turf")
    parser.add_argument("-n", type=int, default=1000, help="addresses of each file")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--list", type=int, default=3)
    parser.add_argument("files", nargs="*")
    args = parser.parse_args()
    if not os.path.exists(BINUTILS) or not LLVM or not shutil.which("g++"):
        print("binutils, llvm-symbolizer or g++ is not installed: not compared")
        sys.exit(77)
    total = unexplained = 0
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(TURF_STORE=f"{folder}/store", LC_ALL="C")
        tool = f"{folder}/addr2line"
        os.symlink(os.path.realpath(args.turf), tool)
        for path in [*fixtures(pathlib.Path(folder)), *args.files]:
            rng = random.Random(args.seed)
            areas = list(code_areas(path))
            addrs = [start + rng.randrange(size) for start, size in
                     rng.choices(areas, weights=[size for _, size in areas], k=args.n)]
            addrs = list(dict.fromkeys(addrs))
            run, symbols = Run(tool, args), Symbols(path)
            for text in COMBINATIONS:
                run.compare(path, text, addrs, symbols)
            n = sum(run.causes.values())
            total, unexplained = total + n, unexplained + run.unexplained
            print(f"{os.path.basename(path)}: {n} answers")
            for cause, count in run.causes.most_common():
                print(f"  {count:8} {cause}")
    print(f"{total} answers, {unexplained} differ for no known cause")
    sys.exit(unexplained * 1000 > total)


main()
