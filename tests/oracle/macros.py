#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Macros beside what llvm-dwarfdump and the preprocessor say of them.

    macros.py TURF

Programs of two sources that share headers are compiled in each way that writes macros. All
definitions that Turf lists must be those in llvm-dwarfdump --debug-macro, by kind, name, body and
line, and none may be missing; and those with a file must be those of the compiler's -E -dD, by
file too.

Exit status: 0 the same, 1 not, 77 a tool is missing.
"""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HEADER = """#define SHARED(a, b) ((a) * (b))
#define EMPTY
#undef EMPTY
#define AGAIN 1
"""
ONE = """#include <stdio.h>
#include <errno.h>
#define PAREN (x)
#define NOTHING() 7
#define MORE(format, ...) printf(format, __VA_ARGS__)
#define LONG "%s" a \\
	b
#include "shared.h"
#undef AGAIN
#define AGAIN 2
#define AGAIN 2
int f(void);
int main(void) { return f() + SHARED(1, AGAIN); }
"""
OTHER = """#include "shared.h"
#include <limits.h>
#define PAREN (y)
int f(void) { return AGAIN; }
"""
OPERATION = re.compile(r"DW_MAC(?:RO|INFO)_(?:GNU_)?(define|undef)\w* - lineno: (\d+) macro: ?(.*)")
MARKER = re.compile(r'# (\d+) "((?:[^"\\]|\\.)*)"')


def tool(*names):
    for name in names:
        if shutil.which(name):
            return name
    return None


def parts(text):
    """Name and what follows."""
    m = re.match(r"[^ (]*", text)
    return m[0], text[m.end():].rstrip(" ")


def listed(turf, path):
    """What Turf lists: (undefined, name, what follows, file, line)"""
    out = subprocess.run([turf, "list", "-e", path, "macros", "--json"], stdout=subprocess.PIPE).stdout
    found = []
    for line in out.decode("utf-8", "replace").splitlines():
        m = json.loads(line)
        rest = f"({','.join(m['parameters'])})" if "parameters" in m else ""
        body = m.get("body", "")
        found.append((m["undefined"], m["name"], rest + (" " + body if body else ""), m.get("file"), m["line"]))
    return found


def dumped(dwarfdump, path):
    out = subprocess.run([dwarfdump, "--debug-macro", path], stdout=subprocess.PIPE).stdout
    found = set()
    for m in map(OPERATION.search, out.decode("utf-8", "replace").splitlines()):
        if m:
            name, rest = parts(m[3])
            found.add((m[1] == "undef", name, "" if m[1] == "undef" else rest, int(m[2])))
    return found


def preprocessed(compiler, source, folder):
    """(undefined, name, what follows, file, line) of all that stand in files."""
    out = subprocess.run([compiler, "-E", "-dD", source], cwd=folder, stdout=subprocess.PIPE, check=True).stdout
    found, path, at = set(), "", 0
    for text in out.decode("utf-8", "replace").splitlines():
        m = MARKER.match(text)
        if m:
            at, path = int(m[1]), m[2]
            continue
        m = re.match(r"#(define|undef) (.*)", text)
        if m and not path.startswith("<"):
            name, rest = parts(m[2])
            found.add((m[1] == "undef", name, "" if m[1] == "undef" else rest,
                       (folder / path).resolve().name, at))
        at += 1
    return found


def ways():
    for compiler, sort in (("gcc", "c"), ("g++", "cc"), ("clang", "c"), ("clang++", "cc")):
        macros = "-g3" if compiler.startswith("g") else "-fdebug-macro"
        for flags in ("-gdwarf-5", "-gdwarf-4", "-gdwarf-4 -gstrict-dwarf", "-gdwarf-2 -gstrict-dwarf",
                      "-gdwarf-5 -gdwarf64", "-gdwarf-5 -gsplit-dwarf", "dwz"):
            yield compiler, sort, macros, flags


def make(compiler, sort, macros, flags, folder):
    """The program and where its macros are; None where the compiler does not know how."""
    sources = [f"one.{sort}", f"other.{sort}"]
    for name, text in zip(["shared.h", *sources], [HEADER, ONE, OTHER]):
        (folder / name).write_text(text)
    more = [] if flags == "dwz" else flags.split()
    for source in sources:
        if subprocess.run([compiler, "-g", macros, *more, "-c", source], cwd=folder,
                          stderr=subprocess.DEVNULL).returncode:
            return None
    subprocess.run([compiler, "-no-pie", "one.o", "other.o", "-o", "program"], cwd=folder, check=True)
    if flags == "dwz":
        if not shutil.which("dwz"):
            return None
        for name in ("first", "second"):
            shutil.copy(folder / "program", folder / name)
        if subprocess.run(["dwz", "-m", "common", "first", "second"], cwd=folder,
                          stderr=subprocess.DEVNULL).returncode:
            return None
        return folder / "first", [folder / "program"]
    dwos = [folder / "one.dwo", folder / "other.dwo"]
    return folder / "program", dwos if "-gsplit-dwarf" in more else [folder / "program"]


def compare(turf, dwarfdump, way):
    compiler, sort, macros, flags = way
    if not shutil.which(compiler):
        return None
    with tempfile.TemporaryDirectory(prefix="turf-macros-") as name:
        folder = pathlib.Path(name)
        made = make(*way, folder)
        if not made:
            return None
        program, holders = made
        ours = listed(turf, program)
        said = set().union(*(dumped(dwarfdump, p) for p in holders))
        wrong = []
        if len(ours) != len(set(ours)):
            wrong.append("one is told twice")
        # gcc's .dwo files name sections that they cannot lead to: the linker never sees them
        lost = compiler.startswith("g") and "split" in flags
        mine = {(u, n, b, line) for u, n, b, _, line in ours}
        wrong += [f"only here: {m}" for m in sorted(mine - said)[:3] if not lost]
        wrong += [f"missing: {m}" for m in sorted(said - mine)[:3] if not lost]
        text = set().union(*(preprocessed(compiler, f"{s}.{sort}", folder) for s in ("one", "other")))
        placed = {(u, n, b, pathlib.Path(f).name, line) for u, n, b, f, line in ours if f}
        wrong += [f"not in the source: {m}" for m in sorted(placed - text)[:3]]
        # clang forgets an #undef of what is not defined
        absent = {m for m in text - placed if not (m[0] and compiler.startswith("clang"))}
        wrong += [f"missing of the source: {m}" for m in sorted(absent)[:3] if not lost]
        print(f"{compiler} {macros} {flags}: {len(ours)} macros, {len(placed)} in files",
              "" if not wrong else "DIFFERENT", flush=True)
        for line in wrong:
            print("   ", line)
        return not wrong


def main():
    turf = str(pathlib.Path(sys.argv[1]).resolve())
    dwarfdump = tool("llvm-dwarfdump-19", "llvm-dwarfdump-18", "llvm-dwarfdump-16", "llvm-dwarfdump")
    if not dwarfdump:
        print("llvm-dwarfdump is missing")
        return 77
    results = [compare(turf, dwarfdump, way) for way in ways()]
    if all(r is None for r in results):
        print("no compiler")
        return 77
    return 1 if False in results else 0


sys.exit(main())
