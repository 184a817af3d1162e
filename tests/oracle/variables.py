#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Variables in scope and where they are: turf show --at beside what llvm-dwarfdump reads.

    variables.py TURF [-n COUNT] [--units N] [--seed N] [--list N] [FILE...]

Without a FILE programs are compiled here (gcc and clang, -O0 and -O2, DWARF 4 and 5). Of each file
N units are taken at random (default: all that hold code), their DIEs read as text, and COUNT
addresses asked for in all. Of each frame of each address the variables that have a location there
must be the same, with the same location; those without one must be told as optimized out.

Exit status: 0 all equal, 1 not, 77 a tool is missing.
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

LLVM = shutil.which("llvm-dwarfdump-19") or shutil.which("llvm-dwarfdump")

PROGRAM = r"""
#include <stdio.h>
#include <stdlib.h>
struct pair { long a, b; };
static __thread int per_thread = 3;
static inline __attribute__((always_inline)) int twice(int i, const char *what)
{
	static int calls;
	int r = i * 2;
	calls++;
	if (r > 100) {
		int over = r - 100;
		printf("%s %d\n", what, over);
		r -= over / 2;
	}
	return r;
}
__attribute__((noinline)) static struct pair both(struct pair p, double d)
{
	struct pair q = { p.b, p.a };
	for (int i = 0; i < (int)d; i++) {
		int k = twice(i, "loop");
		q.a += k;
		for (long n = 0; n < k; n++)
			q.b ^= n * p.a;
	}
	return q;
}
int sum(int n, char **list)
{
	int total = per_thread;
	while (n-- > 0) {
		long value = atol(list[n]);
		struct pair p = both((struct pair){ value, n }, value / 2.0);
		total += (int)p.a + twice((int)p.b, list[n]);
	}
	return total;
}
int main(int argc, char **argv) { return sum(argc - 1, argv + 1) + twice(argc, argv[0]); }
"""

CODE = {"DW_TAG_subprogram", "DW_TAG_inlined_subroutine", "DW_TAG_lexical_block"}
VARIABLES = {"DW_TAG_formal_parameter", "DW_TAG_variable"}


class Die:
    __slots__ = ("off", "tag", "attrs", "children", "parent")

    def __init__(self, off, tag, parent):
        self.off, self.tag, self.parent = off, tag, parent
        self.attrs, self.children = {}, []


def read_dies(path, unit=None):
    """All DIEs of a unit, by offset, from llvm-dwarfdump's text."""
    what = ["--debug-info" if unit is None else f"--debug-info={unit:#x}"]
    what += [] if unit is None else ["--show-children"]
    out = subprocess.Popen([LLVM, *what, path], stdout=subprocess.PIPE, text=True,
                           stderr=subprocess.DEVNULL)
    dies, stack, die, name = {}, [], None, None
    for line in out.stdout:
        m = re.match(r"0x([0-9a-f]+):( +)(DW_TAG_\w+|NULL)", line)
        if m:
            level = (len(m[2]) - 1) // 2
            del stack[level:]
            name = None
            if m[3] == "NULL":
                die = None
                continue
            die = Die(int(m[1], 16), m[3], stack[-1] if stack else None)
            dies[die.off] = die
            if stack:
                stack[-1].children.append(die)
            stack.append(die)
            continue
        m = re.match(r"\s+(DW_AT_\w+)\t\((.*)$", line)
        if m and die is not None:
            name = m[1]
            die.attrs[name] = m[2].rstrip("\n")
        elif name and line.strip():
            die.attrs[name] += "\n" + line.strip()
        elif not line.strip():
            name = None
    out.wait()
    return dies


def ranges_of(die):
    a = die.attrs
    if "DW_AT_ranges" in a:
        return [(int(x, 16), int(y, 16))
                for x, y in re.findall(r"\[0x([0-9a-f]+), 0x([0-9a-f]+)\)", a["DW_AT_ranges"])]
    if "DW_AT_low_pc" in a and "DW_AT_high_pc" in a:
        low = int(re.match(r"0x([0-9a-f]+)", a["DW_AT_low_pc"])[1], 16)
        return [(low, int(re.match(r"0x([0-9a-f]+)", a["DW_AT_high_pc"])[1], 16))]
    return []


def covers(die, pc):
    return any(s <= pc < e for s, e in ranges_of(die))


def find(dies, die, attr):
    """An attribute of a DIE or of what it is an instance of."""
    for _ in range(8):
        if attr in die.attrs:
            return die.attrs[attr]
        link = die.attrs.get("DW_AT_abstract_origin") or die.attrs.get("DW_AT_specification")
        m = link and re.match(r"0x([0-9a-f]+)", link)
        if not m or int(m[1], 16) not in dies:
            return None
        die = dies[int(m[1], 16)]
    return None


def name_of(dies, die):
    name = find(dies, die, "DW_AT_name")
    return name and re.match(r'"(.*)"\)?$', name, re.S)[1]


def normal(expr):
    """An expression as turf says it."""
    while expr.count("(") < expr.count(")") and expr.endswith(")"):
        expr = expr[:-1]
    expr = re.sub(r"DW_OP_(GNU_)?", "", expr.strip())
    expr = re.sub(r"\b(b?reg\d+) [A-Z][A-Z0-9]*", r"\1 ", expr)
    expr = re.sub(r"\b(b?regx) [A-Z][A-Z0-9]*", r"\1 ?", expr)
    expr = re.sub(r"\(0x[0-9a-f]+(?: -> 0x[0-9a-f]+)?\)(?: \"[^\"]*\")?", "T", expr)
    expr = re.sub(r"\b(implicit_value) 0x[0-9a-f]+", r"\1", expr)
    expr = re.sub(r"\b(regval_type) [A-Z][A-Z0-9]* T", r"\1 T", expr)
    expr = re.sub(r"\b(convert|reinterpret) 0x0", r"\1 T", expr)
    expr = re.sub(r"\b(implicit_pointer) 0x[0-9a-f]+(?: \"[^\"]*\")?", r"\1 T", expr)
    return re.sub(r"\s+", " ", expr).replace(" ,", ",").replace(" )", ")").strip()


def normal_ours(expr):
    expr = re.sub(r"\bGNU_", "", expr)
    expr = re.sub(r"\b(convert|reinterpret|const_type|call_ref|implicit_pointer|parameter_ref|"
                  r"variable_value) 0x[0-9a-f]+", r"\1 T", expr)
    expr = re.sub(r"\b(regval_type) 0x[0-9a-f]+ 0x[0-9a-f]+", r"\1 T", expr)
    expr = re.sub(r"\b(deref_type) (0x[0-9a-f]+) 0x[0-9a-f]+", r"\1 \2 T", expr)
    expr = re.sub(r"\b(regx|bregx) 0x[0-9a-f]+", r"\1 ?", expr)
    return expr


def constant(text):
    """The value of DW_AT_const_value."""
    text = text.rstrip(")")
    if text.startswith("<"):
        return "constant " + " ".join(text.split()[1:])
    if text.startswith('"'):
        return "constant text"
    try:
        return f"constant {int(text, 0) & (1 << 64) - 1}"
    except ValueError:
        return "constant ?"


def our_constant(ops):
    m = re.fullmatch(r"(?:lit(\d+)|constu 0x([0-9a-f]+)|consts ([+-]\d+)), stack_value", ops)
    if m:
        value = int(m[1]) if m[1] else int(m[2], 16) if m[2] else int(m[3])
        return f"constant {value & (1 << 64) - 1}"
    m = re.fullmatch(r"implicit_value((?: 0x[0-9a-f]{2})*)", ops)
    if m:
        return "constant " + " ".join(b[2:] for b in m[1].split())
    return None


def location(dies, die, pc):
    """Where a variable is at pc; None: nowhere."""
    where = die.attrs.get("DW_AT_location")
    if where is None and "DW_AT_const_value" not in die.attrs:
        origin = die.attrs.get("DW_AT_abstract_origin")
        m = origin and re.match(r"0x([0-9a-f]+)", origin)
        if m and int(m[1], 16) in dies:
            return location(dies, dies[int(m[1], 16)], pc)
        return None
    if where is None:
        return constant(die.attrs["DW_AT_const_value"])
    entries = re.findall(r"\[0x([0-9a-f]+), 0x([0-9a-f]+)\)(?: \"[^\"]*\")?: (.*)", where)
    if entries or re.match(r"0x[0-9a-f]+: ?$", where.split("\n")[0]):
        found = [normal(e) for s, t, e in entries if int(s, 16) <= pc < int(t, 16)]
        return found[-1] if found and found[-1] else None
    return normal(where)


def frames_at(dies, function, pc):
    """The functions at pc, innermost first: lists of (name, location) of variables in scope."""
    frames = []
    die, scope = function, []
    while die is not None:
        if die.tag in ("DW_TAG_subprogram", "DW_TAG_inlined_subroutine"):
            scope = []
            frames.insert(0, scope)
        for child in die.children:
            if child.tag in VARIABLES and "DW_AT_declaration" not in child.attrs:
                scope.append((name_of(dies, child), location(dies, child, pc)))
        inner = [c for c in die.children if c.tag in CODE and c.tag != "DW_TAG_subprogram" and
                 covers(c, pc)]
        die = inner[-1] if inner else None
    return frames


def ask(turf, path, addrs):
    answers = {}
    for i in range(0, len(addrs), 2000):
        part = [f"{a:x}" for a in addrs[i:i + 2000]]
        out = subprocess.run([turf, "show", "-e", path, "--json", "--at", *part],
                             capture_output=True, text=True)
        for line in out.stdout.splitlines():
            answer = json.loads(line)
            answers[int(answer["address"], 16)] = answer["frames"]
    return answers


def compare(theirs, ours, causes):
    """Counts each variable of a frame by what is said of it; False: something differs."""
    said = collections.defaultdict(list)
    for v in ours.get("variables", []):
        said[v["name"]].append(v["location"])
    good = True
    for name, where in theirs:
        places = said.get(name or "", [])
        if where is None:
            fine = "" in places or places
            causes["optimized out" if fine else "out of scope"] += 1
        elif where in [normal_ours(p) for p in places] or \
                where in [our_constant(p) for p in places] or \
                (where == "constant text" and places):
            fine = True
            causes["equal"] += 1
        elif "<decoding error>" in where:
            fine = True
            causes["llvm cannot read it"] += 1
        elif re.search(r"implicit_pointer|call_ref|parameter_ref|variable_value", where):
            fine = True
            causes["refers to another DIE, left out"] += 1
        else:
            fine = False
            causes["no location" if not any(places) else "another location"] += 1
        good &= bool(fine)
    return good


def units_of(path):
    out = subprocess.run([LLVM, "--debug-info", "-r", "0", path], capture_output=True, text=True)
    return [int(x, 16) for x in
            re.findall(r"^0x([0-9a-f]+): DW_TAG_compile_unit", out.stdout, flags=re.M)]


def functions_of(dies):
    return [d for d in dies.values() if d.tag == "DW_TAG_subprogram" and ranges_of(d) and
            ranges_of(d)[0][0] > 0x100]


def check(turf, path, args, rng, urf=None):
    causes, shown = collections.Counter(), 0
    units = units_of(path)
    picked = [None] if not args.units else rng.sample(units, min(args.units, len(units)))
    each = max(1, args.n // len(picked))
    good = True
    for unit in picked:
        dies = read_dies(path, unit)
        functions = functions_of(dies)
        if not functions:
            continue
        asked = {}
        for _ in range(each):
            f = rng.choice(functions)
            start, end = rng.choice(ranges_of(f))
            asked[rng.randrange(start, end)] = f
        answers = ask(turf, urf or path, sorted(asked))
        for pc, f in asked.items():
            theirs, ours = frames_at(dies, f, pc), answers.get(pc, [])
            if len(theirs) != len(ours):
                causes["another stack, not compared"] += 1
                continue
            for i, (a, b) in enumerate(zip(theirs, ours)):
                if not compare(a, b, causes):
                    good = False
                    if shown < args.list:
                        shown += 1
                        print(f"{path} {pc:#x} frame {i} {name_of(dies, f)}:")
                        for name, where in a:
                            print("   llvm", name, where)
                        for v in b.get("variables", []):
                            print("   turf", v["name"], v["location"])
    print(f"{path}: " + ", ".join(f"{n} {what}" for what, n in causes.most_common()))
    return good and causes["equal"] > 0


def fixtures(folder):
    (folder / "a.c").write_text(PROGRAM)
    for compiler in ("gcc", "clang-14", "clang-19"):
        if not shutil.which(compiler):
            continue
        for level in ("-O0", "-O2"):
            for dwarf in ("4", "5"):
                out = folder / f"{compiler}{level}-{dwarf}"
                subprocess.run([compiler, level, f"-gdwarf-{dwarf}", "a.c", "-o", out], check=True,
                               cwd=folder)
                yield str(out)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("turf")
    parser.add_argument("files", nargs="*")
    parser.add_argument("-n", type=int, default=1000)
    parser.add_argument("--units", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--list", type=int, default=3, help="differences shown of each file")
    args = parser.parse_intermixed_args()
    if not LLVM:
        print("llvm-dwarfdump is not installed: not compared")
        sys.exit(77)
    rng = random.Random(args.seed)
    args.turf = str(pathlib.Path(args.turf).resolve())
    good = True
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for path in args.files or fixtures(folder):
            urf = str(folder / "urf")
            subprocess.run([args.turf, "index", "-o", urf, path], check=True,
                           capture_output=True)
            good &= check(args.turf, path, args, rng, urf)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
