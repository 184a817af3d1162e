#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Variables in scope and where they are: turf show --at, llvm-dwarfdump and gdb.

    variables.py TURF [-n COUNT] [--units N] [--seed N] [--list N] [--no-gdb] [FILE...]

Without a FILE programs are compiled here (gcc and clang, -O0 and -O2, DWARF 4 and 5). Of each file
COUNT pairs of a function and an address in it are taken at random, out of all units that hold
code (or N of them). Of each frame at each address Turf must tell the variables that the DWARF has
in scope there, as llvm-dwarfdump prints it: name, kind, line, type, and the place's operations. gdb
must have the same in its blocks, with a place at the address or without.

What differs by one of the causes of docs/comparison.md is counted under its name; anything else
fails.

Exit status: 0 equal or explained, 1 not, 77 a tool is missing.
"""
import argparse
import collections
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile

import dies as dwarf

GDB = shutil.which("gdb")
HERE = pathlib.Path(__file__).resolve().parent
BATCH = 5000 # addresses asked of one gdb, which keeps every unit that it has read

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
static inline __attribute__((always_inline)) long through(struct pair *p, long *n)
{
	long before = p->a + *n;
	printf("%ld\\n", before);
	*n += p->b;
	return before;
}
int main(int argc, char **argv)
{
	static const char words[] = "only their length counts";
	struct pair p = { argc, argc + 1 };
	long n = 3, before = through(&p, &n);
	return sum(argc - 1, argv + 1) + twice(argc, argv[0]) + (int)(before + n) +
	       (int)__builtin_strlen(words);
}
"""


def normal(expr):
    """An expression as turf says it."""
    while expr.count("(") < expr.count(")") and expr.endswith(")"):
        expr = expr[:-1]
    expr = re.sub("<decoding error> f0$", "nop", expr) # DW_OP_GNU_uninit
    expr = re.sub(r"DW_OP_(GNU_)?", "", expr.strip())
    expr = re.sub(r"\b(b?reg\d+) [A-Z][A-Z0-9]*", r"\1 ", expr)
    expr = re.sub(r"\b(b?regx) [A-Z][A-Z0-9]*", r"\1 ?", expr)
    expr = re.sub(r"\(0x[0-9a-f]+(?: -> 0x[0-9a-f]+)?\)(?: \"[^\"]*\")?", "T", expr)
    expr = re.sub(r"\b(implicit_value) 0x[0-9a-f]+", r"\1", expr)
    expr = re.sub(r"\b(regval_type) [A-Z][A-Z0-9]* T", r"\1 T", expr)
    expr = re.sub(r"\b(convert|reinterpret) 0x0", r"\1 T", expr)
    expr = re.sub(r"\b(implicit_pointer) 0x[0-9a-f]+(?: \"[^\"]*\")?", r"\1 T", expr)
    expr = re.sub(r"<decoding error> (a0|f2)[ 0-9a-f]+$", "implicit_pointer T", expr)
    expr = re.sub(r" ([+-]\d)", r"\1", expr)
    return re.sub(r"\s+", " ", expr).replace(" ,", ",").replace(" )", ")").strip()


def normal_ours(expr):
    expr = re.sub(r" ([+-]\d)", r"\1", expr)
    expr = re.sub(r"\bGNU_", "", expr)
    expr = re.sub(r"\b(convert|reinterpret|const_type) 0x[0-9a-f]+", r"\1 T", expr)
    expr = re.sub(r"\bimplicit_pointer\b.*", "implicit_pointer T", expr)
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


def bytes_of(text):
    return int.from_bytes(bytes.fromhex(text), "little")


def position(dies, die):
    """Of an argument among its function's."""
    for _ in range(8):
        origin = die and dies.linked(die, "abstract_origin")
        if not origin:
            break
        die = origin
    around = dies.around(die) if die else None
    own = around and [c for c in around.children if c.tag == "formal_parameter"]
    return 1 + own.index(die) if own and die in own else 0


def read_out(dies, expr):
    """What llvm-dwarfdump leaves as bytes, with arguments by their position."""
    m = re.search(r"<decoding error> fa ([0-9a-f]{2}(?: [0-9a-f]{2}){3})( 9f)?\)*$", expr)
    if not m:
        return expr
    die = dies.get(dies.unit + bytes_of(m[1]))
    value = ", stack_value" if m[2] else ""
    return f"{expr[:m.start()]}parameter_ref {position(dies, die):#x}{value}"


def target(dies, expr):
    """The name of the variable of a function that an implicit pointer points to; None: it is
    none, or not known."""
    m = re.match(r"<decoding error> (?:a0|f2) ((?:[0-9a-f]{2} ){4})[0-9a-f]{2}\)*$", expr.strip())
    die = m and dies.get(bytes_of(m[1]))
    return quoted(dies.find(die, "name")) if die and dies.around(die) else None


def place(dies, die, pc, targets=None):
    """Where a variable is at pc; None: nowhere. targets: receives what it points to there."""
    where = die.attrs.get("location")
    if where is None and "const_value" in die.attrs:
        return constant(die.attrs["const_value"])
    if where is None:
        origin = dies.linked(die, "abstract_origin")
        return place(dies, origin, pc, targets) if origin else None
    if re.match(r"(indexed \(0x[0-9a-f]+\) loclist = )?0x[0-9a-f]+: ?(\n|$)", where):
        found = [e for s, t, e in
                 re.findall(r"\[0x([0-9a-f]+), 0x([0-9a-f]+)\)(?: \"[^\"]*\")?: (.*)", where)
                 if int(s, 16) <= pc < int(t, 16)]
        where = found[-1] if found and found[-1] else None
    if where and targets is not None:
        targets.append(target(dies, where))
    return normal(read_out(dies, where)) if where else None


def quoted(text):
    m = text and re.search(r'"(.*)"$', text, re.S)
    return m[1] if m else ""


def plain(kind):
    """A type's name, as every tool would write it."""
    kind = re.sub(r"\w+\(\)::|\{\.\.\.\}", "", kind or "") # where it stands, what has no name
    kind = re.sub(r"\b(struct|structure|union|enum|enumeration|class|int)\b|\s", "", kind)
    kind = kind.replace("(void)", "()").replace("constconst", "const")
    kind = kind.replace("volatileconst", "constvolatile").replace("[variablelength]", "[]")
    return re.sub(r"((?:long|short)+)unsigned", r"unsigned\1", kind)


def unscoped(kind):
    """The same without what names stand in."""
    out = []
    for token in re.findall(r"::|\w+|.", re.sub(r"\{\.\.\.\}", "", kind or "")):
        depth = 0
        while token == "::" and out:
            last = out.pop()
            depth += (last in ">)") - (last in "<(")
            if depth == 0 and re.match(r"\w", last):
                break
        if token != "::":
            out.append(token)
    return plain("".join(out))


class Variable:
    """One in scope: what the DWARF says of it."""
    def __init__(self, dies, die, pc, around=None):
        origin = dies.linked(die, "abstract_origin")
        self.around, self.origin = around, origin and origin.off
        self.key = key_of(dies, die)
        self.type = quoted(dies.find(die, "type"))
        targets = []
        self.where = place(dies, die, pc, targets)
        self.target = targets[0] if targets else None
        # a place that is the same in all code of a unit does not move
        self.moves = not re.match("addr|constant", self.where or "")
        self.twins = [] # where it is by other instances of the same call
        self.again = False # of this instance's DIEs there is another of the same variable
        self.moved = False # it stands in the function, its origin in a block of it


class Frame:
    """What is in scope of one function at pc."""
    def __init__(self, dies, die, twins, pc):
        self.variables, self.hidden, self.call, blocks = [], set(), None, [die]
        for block in blocks: # which may overlap
            for child in block.children:
                if child.tag in dwarf.VARIABLES and "declaration" not in child.attrs:
                    self.variables.append(Variable(dies, child, pc, block))
                elif child.tag == "lexical_block" and child.covers(pc):
                    blocks.append(child)
                elif child.tag == "inlined_subroutine" and child.covers(pc):
                    self.call = child
        keys = collections.Counter(v.key for v in self.variables)
        abstract = dies.linked(die, "abstract_origin")
        own = {v.off for v in abstract.children} if abstract else ()
        for v in self.variables:
            v.again = keys[v.key] > 1
            v.moved = own and v.around is die and v.origin and v.origin not in own
            v.around = None
        # what an abstract instance has and this one lacks: nothing is left of it
        told = {key_of(dies, v) for v in below(die)}
        for block in blocks:
            like = dies.linked(block, "abstract_origin")
            for v in like.children if like else ():
                if v.tag in dwarf.VARIABLES and "declaration" not in v.attrs and \
                        key_of(dies, v) not in told:
                    self.variables.append(Variable(dies, v, pc))
        for v in (v for twin in twins for v in below(twin)):
            for ours in (w for w in self.variables if w.key == key_of(dies, v)):
                ours.twins.append(place(dies, v, pc))
        self.call_twins = [c for d in [die, *twins] for c in calls_in(d)
                           if self.call and c is not self.call and
                           call_of(c) == call_of(self.call)]
        # of blocks that are not here, or that have no code: gdb takes them for the function's own
        self.hidden = {key_of(dies, v) for f in (die, abstract) if f for v in below(f)}
        self.probe = own_address(blocks[-1])


def in_scope(dies, function, pc):
    """The frames at pc, innermost first."""
    frames, die, twins = [], function, []
    while die is not None:
        frames.insert(0, Frame(dies, die, twins, pc))
        die, twins = frames[0].call, frames[0].call_twins
        frames[0].call = frames[0].call_twins = None # the unit is not kept
    return frames


def calls_in(die):
    """What is inlined right in a function or call, at whatever address."""
    for child in die.children:
        if child.tag == "inlined_subroutine":
            yield child
        elif child.tag == "lexical_block":
            yield from calls_in(child)


def call_of(die):
    return [die.attrs.get(a) for a in ("abstract_origin", "call_file", "call_line", "call_column")]


def key_of(dies, die):
    return (quoted(dies.find(die, "name")), int(dies.find(die, "decl_line") or "0", 0),
            die.tag == "formal_parameter")


def below(die):
    """Variables and labels in the blocks of a function, at whatever address."""
    for child in die.children:
        if child.tag in dwarf.VARIABLES or child.tag == "label":
            yield child
        elif child.tag == "lexical_block":
            yield from below(child)


def own_address(die):
    """An address in a scope and in none inside of it."""
    inside = [r for c in die.children if c.tag in dwarf.CODE for r in c.ranges]
    for start, end in die.ranges:
        for pc in sorted({start, *(e for _, e in inside if start < e < end)}):
            if pc < end and not any(s <= pc < e for s, e in inside):
                return pc
    return None


class Pair:
    """An address, the function that it was taken from, and what is in scope there."""
    def __init__(self, dies, function, pc):
        self.pc, self.name = pc, quoted(dies.find(function, "name"))
        self.frames = in_scope(dies, function, pc)


def pairs_of(path, args, rng):
    units = dwarf.sizes(path)
    size = sum(n for _, n in units)
    picked = rng.sample(units, min(args.units, len(units))) if args.units else units
    sizes, of_picked = dict(picked), sum(n for _, n in picked)
    pairs, owed, told = {}, 0.0, set()
    for off, dies, functions in dwarf.read(path, set(sizes), size < dwarf.WHOLE):
        # an address of a discarded function is 0 or little more; of several units' copies of
        # one function, compiled differently, linkers keep the first, whose debug info counts
        functions = [f for f in functions if f.ranges and f.ranges[0][0] > 0x100 and
                     f.ranges[0][0] not in told]
        told.update(f.ranges[0][0] for f in functions)
        owed += args.n * sizes[off] / of_picked
        for _ in range(20 * int(owed) if functions else 0):
            function = rng.choice(functions)
            start, end = rng.choice(function.ranges)
            pc = rng.randrange(start, end) if start < end else 0
            if pc and pc not in pairs:
                pairs[pc] = Pair(dies, function, pc)
                owed -= 1
            if owed < 1:
                break
    return pairs


def ask_turf(turf, path, addrs):
    answers = {}
    for i in range(0, len(addrs), 2000):
        part = [f"{a:#x}" for a in addrs[i:i + 2000]]
        out = subprocess.run([turf, "show", "-e", path, "--json", "--at", *part],
                             stdout=subprocess.PIPE, text=True)
        for line in out.stdout.splitlines():
            answer = json.loads(line)
            answers[int(answer["address"], 16)] = answer["frames"]
    return answers


def ask_gdb(path, pairs, folder):
    """({pc: frames}, {pc: places}) of all pairs."""
    scopes, places, order = {}, {}, list(pairs)
    for i in range(0, len(order), BATCH):
        asked = []
        for pc in order[i:i + BATCH]:
            asked.append(("scope", pc))
            for frame in pairs[pc].frames:
                if frame.probe is not None and ("where", frame.probe) not in places:
                    asked.append(("where", frame.probe))
                    places["where", frame.probe] = None
        (folder / "in").write_text("".join(f"{verb} {pc:x}\n" for verb, pc in asked))
        env = os.environ | {"SCOPES_IN": str(folder / "in"), "SCOPES_OUT": str(folder / "out")}
        subprocess.run([GDB, "-q", "-nx", "-batch", "-iex", "set debug-file-directory /nowhere",
                        "-iex", "set auto-load off", "-x", HERE / "gdb-scopes.py", path],
                       env=env, check=True, stdout=subprocess.DEVNULL)
        answers = (folder / "out").read_text().splitlines()
        if len(answers) != len(asked):
            sys.exit(f"gdb ended after {len(answers)} of {len(asked)} addresses")
        for (verb, pc), answer in zip(asked, answers):
            if verb == "scope":
                scopes[pc] = json.loads(answer)
            else:
                places[verb, pc] = json.loads(answer)
    return scopes, {pc: answer for (_, pc), answer in places.items()}


class Tally:
    """How often what was said; some of the differences."""
    def __init__(self, path, what, shown):
        self.path, self.what, self.shown = path, what, shown
        self.counts, self.listed = collections.Counter(), collections.Counter()

    def add(self, cause, pair, frame, *texts):
        self.counts[cause] += 1
        self.listed[cause] += 1
        if self.listed[cause] <= self.shown and texts:
            print(f"  {self.what}: {cause}: {pair.pc:#x} frame {frame} of {pair.name}:", *texts)

    def sum_of(self, causes):
        return sum(n for cause, n in self.counts.items() if cause.startswith(causes))

    def report(self):
        n, equal = sum(self.counts.values()), self.counts["equal"]
        fine, ours = self.sum_of(FINE), self.sum_of(OURS)
        print(f"{self.path}, {self.what}: {n} variables, {equal} equal, {fine} explained "
              f"({ours} ours), {n - equal - fine} different")
        for cause, count in self.counts.most_common():
            print(f"    {count:8} {cause}")
        return equal > 0 and n == equal + fine and ours <= n * OURS_MOST


def is_place(where, said):
    if where is None:
        return not said
    if "addrx" in where: # llvm-dwarfdump leaves the table's entry to the reader
        where, said = (re.sub(r"\b(addrx?) 0x[0-9a-f]+", "addr", t) for t in (where, said))
    return where in (normal_ours(said), our_constant(said)) or (where == "constant text" and said)


REFERS = re.compile(r"call_ref|variable_value|decoding error> f[ad]")


def beside_llvm(pair, ours, tally):
    if len(pair.frames) != len(ours):
        tally.add("another stack", pair, 0, len(pair.frames), len(ours))
        return
    for i, (theirs, our) in enumerate(zip(pair.frames, ours)):
        said = list(our.get("variables", []))
        # those that have a place are the first to choose
        for v in sorted(theirs.variables, key=lambda v: v.where is None):
            found = take(said, v.key, v.type, lambda where: is_place(v.where, where))
            tally.add(cause_llvm(v, found), pair, i, v.key, v.type, v.where, found)
        for v in said:
            tally.add("another unit's", pair, i, v)


def cause_llvm(v, found):
    if found is None:
        return "said twice" if v.again else "no name" if not v.key[0] else \
            "out of its block" if v.moved else "not told"
    if plain(v.type) != plain(found["type"]):
        # llvm-dwarfdump does not write what a restrict pointer points to, a function's
        # arguments behind an array, nor what a typedef stands in
        cut = "restrict " in v.type or plain(found["type"]).startswith(plain(v.type)) or \
            unscoped(v.type) == unscoped(found["type"])
        return "llvm's type" if cut else "another unit's type"
    if is_place(v.where, found["location"]):
        if v.target in (None, found.get("points_to")):
            return "equal"
        return "points to another" if "points_to" in found else "refers to another DIE"
    if any(is_place(where, found["location"]) for where in v.twins):
        return "of the same call once more"
    if v.where is None:
        return "a place that is none"
    if REFERS.search(v.where):
        return "refers to another DIE"
    if "decoding error" in v.where:
        return "llvm cannot read it" if found["location"] else "no place"
    if found["location"]:
        return "another place"
    return "no place" if v.moves else "another unit's place"


def take(said, key, kind, fits):
    """The variable of that key out of a list: best one whose place fits, and of that type."""
    same = [v for v in said if (v.get("name", ""), v.get("line", 0),
                                v["kind"] == "argument") == key]
    same.sort(key=lambda v: (plain(v["type"]) != plain(kind), not fits(v["location"])))
    if same:
        said.remove(same[0])
    return same[0] if same else None


def beside_gdb(pair, ours, scopes, places, tally):
    same_stack = len(pair.frames) == len(ours)
    if len(scopes) != len(ours):
        tally.add("gdb alone: another stack" if same_stack else "another stack", pair, 0,
                  [f for f, _ in scopes], [f["function"] for f in ours])
        return
    for i, ((_, theirs), our) in enumerate(zip(scopes, ours)):
        said = list(our.get("variables", []))
        frame = pair.frames[i] if same_stack else None
        probe = places.get(frame.probe) if frame else None
        known = probe is not None and [p[:2] for p in probe] == [t[:2] for t in theirs]
        rest = []
        for k, (name, line, argument, kind, how) in enumerate(theirs):
            ranges = [] if how == "out" else probe[k][2] if known else "unknown"
            there = None if ranges == "unknown" else ranges is None or \
                any(s <= pair.pc < e for s, e in ranges)
            rest.append(((name, line, argument), kind, how, there))
        for key, kind, how, there in sorted(rest, key=lambda v: not v[3]):
            found = take(said, key, kind, lambda where: there is None or bool(where) == there)
            cause = cause_gdb(key, kind, how, there, found, frame)
            tally.add(cause, pair, i, key, kind, how, there, found)
        for v in said:
            llvm = frame and any(is_ours(w, v) for w in frame.variables)
            tally.add("gdb alone: it has it not" if llvm else "another unit's", pair, i, v)


def is_ours(v, found):
    """Whether llvm-dwarfdump has what Turf tells."""
    return v.key == (found.get("name", ""), found.get("line", 0), found["kind"] == "argument") and \
        (plain(v.type) == plain(found["type"]) or "restrict " in v.type) and \
        (is_place(v.where, found["location"]) or bool(v.where) == bool(found["location"]))


def cause_gdb(key, kind, how, there, found, frame):
    variables = [v for v in frame.variables if v.key == key] if frame else []
    if found is None:
        if how == "label":
            return "a label"
        if how == "declared":
            return "a declaration"
        if any(v.again for v in variables):
            return "said twice"
        return "of a block that is not here" if frame and key in frame.hidden else "not told"
    llvm = any(is_ours(v, found) for v in variables)
    if kind is not None and plain(kind) != plain(found["type"]):
        return "gdb alone: another type" if llvm else "another unit's type"
    if there is None:
        return "equal, places not compared"
    if there == bool(found["location"]):
        return "equal"
    if any(v.where and REFERS.search(v.where) for v in variables):
        return "refers to another DIE"
    if llvm:
        return "gdb alone: a place" if there else "gdb alone: no place"
    if there and any(not v.moves for v in variables):
        return "another unit's place"
    return "no place" if there else "a place that is none"


# Causes that docs/comparison.md explains, and those of them where it is Turf that is wrong.
FINE = ("another unit's", "refers to another DIE", "gdb alone", "of a block that is not here",
        "a label", "a declaration", "equal, places not compared", "llvm's type",
        "llvm cannot read it", "said twice", "out of its block", "no name",
        "of the same call once more")
OURS = ("another unit's", "refers to another DIE", "of the same call once more")
OURS_MOST = 0.02 # of all variables


def check(path, args, rng, folder):
    urf = str(folder / "urf")
    subprocess.run([args.turf, "index", "-o", urf, path], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    pairs = pairs_of(path, args, rng)
    answers = ask_turf(args.turf, urf, list(pairs))
    tally = Tally(path, "llvm-dwarfdump", args.list)
    for pc, pair in pairs.items():
        beside_llvm(pair, answers.get(pc, []), tally)
    print(f"{path}: {len(pairs)} addresses")
    good = tally.report()
    if not GDB or args.no_gdb:
        print("gdb was not asked")
        return good
    scopes, places = ask_gdb(path, pairs, folder)
    tally = Tally(path, "gdb", args.list)
    for pc, pair in pairs.items():
        beside_gdb(pair, answers.get(pc, []), scopes[pc], places, tally)
    return tally.report() and good


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
    parser.add_argument("--list", type=int, default=3, help="shown of each cause")
    parser.add_argument("--no-gdb", action="store_true")
    args = parser.parse_intermixed_args()
    if not dwarf.LLVM:
        print("llvm-dwarfdump is not installed: not compared")
        sys.exit(77)
    rng = random.Random(args.seed)
    args.turf = str(pathlib.Path(args.turf).resolve())
    good = True
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for path in args.files or fixtures(folder):
            good &= check(path, args, rng, folder)
            sys.stdout.flush()
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
