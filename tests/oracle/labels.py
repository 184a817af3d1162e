#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Labels, beside what llvm-dwarfdump says.

    labels.py TURF [FILE...]

Each label with an address, of functions and of what is inlined in them, must be told by `turf show`
under its name, at that address, by the function that it stands in; and none besides. Without a FILE
a program is compiled in some ways.

Exit status: 0 the same, 1 not, 77 a tool is missing.
"""
import json
import re
import shutil
import subprocess
import sys
import tempfile

PROGRAM = r"""
volatile int sink;
static inline __attribute__((always_inline)) int twice(int n)
{
	if (n > 3)
		goto out;
	sink++;
out:	sink = n;
	return n;
}
int f(int n)
{
	int i = 0;
again:	sink += i;
	if (i++ < n)
		goto again;
	{ int k = sink; if (k == 7) goto fail; sink = k; }
	return twice(n) + twice(sink);
fail:
	return sink;
}
int main(int argc, char **argv) { return f(argc) + argv[0][0]; }
"""

TAG = re.compile(r"^0x[0-9a-f]+:( +)DW_TAG_(\w+)")
VALUE = re.compile(r"^ +DW_AT_(\w+)\t\((?:0x[0-9a-f]+ )?\"?([^\")]*)")


def read(dwarfdump, path):
    """{(label, address)}, and the names of all functions that have some."""
    dump = subprocess.Popen([dwarfdump, "--debug-info", path], stdout=subprocess.PIPE, text=True,
                            errors="replace")
    labels, functions, around, die = set(), set(), [], None

    def end():
        # gcc 12 gives some an address that stand in a function which has none itself
        abstract = any("inline" in outer for outer in around)
        if die and die["tag"] == "label" and "low_pc" in die and not abstract:
            labels.add((die.get("name") or die.get("abstract_origin", ""), int(die["low_pc"], 16)))
            for outer in around:
                if outer["tag"] == "subprogram":
                    functions.add(next((outer[k] for k in ("linkage_name", "name", "abstract_origin",
                                                           "specification") if k in outer), ""))
    for line in dump.stdout:
        m = TAG.match(line)
        if m:
            end()
            depth = len(m[1])
            while around and around[-1]["depth"] >= depth:
                around.pop()
            die = {"tag": m[2], "depth": depth}
            if m[2] in ("subprogram", "lexical_block", "inlined_subroutine"):
                around.append(die)
            continue
        m = VALUE.match(line) if die else None
        if m:
            die.setdefault(m[1], m[2])
    end()
    return labels, functions


def compare(turf, dwarfdump, path):
    said, functions = read(dwarfdump, path)
    ours = set()
    names = sorted(n for n in functions if n)
    for i in range(0, len(names), 500):
        out = subprocess.run([turf, "show", "-e", path, "--json", *names[i:i + 500]],
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
        for line in out.decode("utf-8", "replace").splitlines():
            for found in json.loads(line).get("labels", ()):
                ours.add((found["label"], int(found["address"], 16)))
    missing, more = sorted(said - ours), sorted(ours - said)
    print(f"{path}: {len(said)} labels, {len(missing)} missing, {len(more)} of nobody")
    for name, addr in (missing + more)[:10]:
        print(f"  {name} {addr:#x}")
    return bool(said) and not missing and not more


def main():
    dwarfdump = next((t for t in ("llvm-dwarfdump-19", "llvm-dwarfdump-16", "llvm-dwarfdump") if
                      shutil.which(t)), None)
    if not dwarfdump:
        print("llvm-dwarfdump is missing")
        return 77
    paths = sys.argv[2:]
    with tempfile.TemporaryDirectory(prefix="turf-labels-") as folder:
        for compiler in ("gcc", "clang"):
            for flags in ("-O0", "-O1", "-O2 -gdwarf-4"):
                path = f"{folder}/{compiler}{flags}".replace(" ", "")
                if not sys.argv[2:] and shutil.which(compiler):
                    subprocess.run([compiler, "-g", *flags.split(), "-x", "c", "-", "-o", path],
                                   input=PROGRAM.encode(), check=True)
                    paths.append(path)
        return 0 if all([compare(sys.argv[1], dwarfdump, path) for path in paths]) else 1


sys.exit(main())
