#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Calls, whom they call and what they pass: turf lookup and llvm-dwarfdump.

    calls.py TURF [-n COUNT] [--seed N] [--list N] [FILE...]

Without a FILE a program is compiled here (gcc and clang, DWARF 4 and 5). Of each file COUNT call
sites (DW_TAG_call_site, DW_TAG_GNU_call_site) are taken at random. Of each Turf must tell whether
it is a tail call, the function that DW_AT_call_origin names, or the operations of
DW_AT_call_target, and in how many registers and places something is passed.

Exit status: 0 equal or explained, 1 not, 77 a tool is missing.
"""
import argparse
import collections
import json
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile

import dies as dwarf
import variables

PROGRAM = r"""
typedef int fn(int);
extern int sink;
int sink;
__attribute__((noinline)) static int inner(int i, int unused) { return sink += i; }
__attribute__((noinline)) int outer(int i) { return inner(i + 1, i); }
__attribute__((noinline)) int apply(fn *f, int i) { return f(i) + 1; }
__attribute__((noinline)) int last(fn *f, int i) { sink++; return f(i); }
static inline __attribute__((always_inline)) int twice(int i) { return outer(i) + outer(i + 7); }
int main(int argc, char **argv)
{
	(void)argv;
	return twice(argc) + apply(outer, argc) + last(outer, 3);
}
"""
HEAD = re.compile(r"0x([0-9a-f]+): ( *)DW_TAG_(\w+)")
NAMED = re.compile(r'DW_AT_(?:linkage_)?name\t\("(.*)"\)')


class Site:
    def __init__(self, part, gnu):
        self.part = part
        attr = lambda name: (re.search(rf"DW_AT_{name}\t\(0x([0-9a-f]+)", part) or [None, None])[1]
        end, start = attr("low_pc" if gnu else "call_return_pc"), attr("call_pc")
        self.tail = "_tail_call\t(true)" in part
        self.addr = int(end, 16) - 1 if end else int(start, 16) if start and self.tail else None
        self.origin = attr("abstract_origin" if gnu else "call_origin")
        m = re.search(r"DW_AT_(?:GNU_call_site|call)_target\t\((.*)\)", part)
        self.target = m and variables.normal(m[1])
        self.passed = 0

    def parameter(self, part):
        where = re.search(r"DW_AT_location\t\(", part) or \
            re.search(r"DW_AT_(call_parameter|abstract_origin)\t", part)
        self.passed += bool(where and re.search(r"_value\t\(", part))


def sites_of(path):
    """(sites, names of DIEs by offset) of a file."""
    sites, names, links, site, coded = [], {}, {}, None, set()
    function = (0, False) # level of the last one, whether it is an abstract instance
    for _, text in dwarf.texts(path, None):
        for part in text.decode("utf-8", "replace").split("\n\n"):
            m = HEAD.match(part)
            if not m:
                continue
            if m[3] in ("call_site", "GNU_call_site"):
                site = Site(part, m[3][0] == "G")
                site.abstract = function[1] and len(m[2]) > function[0]
                if (site.addr or 0) > 0x100: # of a discarded function it is little or less
                    sites.append(site)
            elif m[3].endswith("call_site_parameter") and site:
                site.parameter(part)
            elif m[3] == "subprogram":
                function = len(m[2]), "DW_AT_inline\t" in part
                if re.search(r"DW_AT_(low_pc|ranges)\t", part):
                    coded.add(int(m[1], 16))
                names[int(m[1], 16)] = set(NAMED.findall(part))
                link = re.search(r"DW_AT_(?:specification|abstract_origin)\t\(0x([0-9a-f]+)", part)
                if link:
                    links[int(m[1], 16)] = int(link[1], 16)
    roots = {}
    for off in names:
        roots[off] = off
        for _ in range(8):
            if links.get(roots[off]) in names:
                roots[off] = links[roots[off]]
                names[off] |= names[roots[off]]
    coded = {roots[off] for off in coded}
    for site in sites:
        root = roots.get(site.origin and int(site.origin, 16))
        site.folded = root and root not in coded
    return sites, names


class Symbols(collections.defaultdict):
    """Names by address; stubs: addresses of the procedure linkage table."""
    stubs = ()


def symbols_of(path):
    found, stubs = Symbols(set), []
    out = subprocess.run(["readelf", "-SW", path], stdout=subprocess.PIPE, text=True).stdout
    for m in re.finditer(r"\] \.plt\S* +PROGBITS +([0-9a-f]+) [0-9a-f]+ ([0-9a-f]+)", out):
        stubs += range(int(m[1], 16), int(m[1], 16) + int(m[2], 16))
    found.stubs = frozenset(stubs)
    out = subprocess.run(["readelf", "-sW", path], stdout=subprocess.PIPE, text=True).stdout
    for m in re.finditer(r"^ *\d+: ([0-9a-f]+) +\S+ +(?:FUNC|NOTYPE|IFUNC|<OS\S+).* (\S+)$", out, re.M):
        found[int(m[1], 16)].add(m[2].split("@")[0])
    return found


def ask(turf, path, addrs):
    answers = {}
    for i in range(0, len(addrs), 2000):
        out = subprocess.run([turf, "lookup", "-e", path, "--json"] +
                             [f"{a:#x}" for a in addrs[i:i + 2000]],
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for line in out.stdout.splitlines():
            answer = json.loads(line)
            answers[int(answer["query"], 16)] = answer.get("call")
    return answers


def cause(site, call, names, symbols):
    if not call:
        return "of an abstract instance" if site.abstract else "not told"
    if call["tail"] != site.tail:
        return "another kind"
    if site.target and variables.normal_ours(call.get("location", "")) != site.target:
        return "llvm cannot read it" if "decoding error" in site.target else "another target"
    if len(call["parameters"]) != site.passed:
        return "other parameters"
    if not site.origin:
        return "equal" # an indirect call, or one of what has no debug info
    said = call.get("function", "")
    known = names.get(int(site.origin, 16), set())
    if known & {said, said.split("@")[0], call.get("linkage_name")}:
        return "equal"
    if "target" in call and known & {
            s.split(".")[0] for s in symbols[int(call["target"], 16)]}:
        return "equal, another name of the same address"
    if not said and "target" in call and int(call["target"], 16) in symbols.stubs:
        return "a stub without a name"
    if said and site.folded:
        return "one of the same code"
    return "another function" if said else "no function"


# What docs/comparison.md explains.
FINE = ("equal", "llvm cannot read it", "of an abstract instance", "a stub without a name",
        "one of the same code")


def check(path, args, rng):
    sites, names = sites_of(path)
    picked = rng.sample(sites, min(args.n, len(sites)))
    answers = ask(args.turf, path, [s.addr for s in picked])
    symbols, counts = symbols_of(path), collections.Counter()
    for site in picked:
        call = answers.get(site.addr)
        why = cause(site, call, names, symbols)
        counts[why] += 1
        if not why.startswith(FINE) and counts[why] <= args.list:
            origin = names.get(int(site.origin, 16)) if site.origin else None
            print(f"  {why}: {site.addr:#x} {origin} {site.target} {site.passed}:", call)
    good = sum(n for why, n in counts.items() if why.startswith(FINE))
    print(f"{path}: {len(picked)} of {len(sites)} calls, {len(picked) - good} different")
    for why, n in counts.most_common():
        print(f"    {n:8} {why}")
    return picked and good == len(picked)


def fixtures(folder):
    (folder / "a.c").write_text(PROGRAM)
    for compiler in ("gcc", "clang-14", "clang-19"):
        for version in ("4", "5") if shutil.which(compiler) else ():
            out = folder / f"{compiler}-{version}"
            subprocess.run([compiler, "-O2", f"-gdwarf-{version}", "a.c", "-o", out], check=True,
                           cwd=folder)
            yield str(out)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("turf")
    parser.add_argument("files", nargs="*")
    parser.add_argument("-n", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--list", type=int, default=3, help="shown of each cause")
    args = parser.parse_intermixed_args()
    if not dwarf.LLVM:
        print("llvm-dwarfdump is not installed: not compared")
        sys.exit(77)
    args.turf = str(pathlib.Path(args.turf).resolve())
    rng, good = random.Random(args.seed), True
    with tempfile.TemporaryDirectory() as folder:
        for path in args.files or fixtures(pathlib.Path(folder)):
            good &= bool(check(path, args, rng))
            sys.stdout.flush()
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
