#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""oracle-symbols.py DUMP-SYMBOLS [FILE...]: our symbols against those of readelf (binutils).

Prints the number of symbols that are equal and different, for each file and table.
Exit: 0 equal, 1 a difference, 77 nothing to compare with.
"""
import collections
import glob
import os
import re
import shutil
import subprocess
import sys

DEFAULT_FILES = ["/lib/x86_64-linux-gnu/libc.so.6", "/lib/aarch64-linux-gnu/libc.so.6",
                 "/lib64/libc.so.6", "/usr/bin/python3.11",
                 "/usr/lib/*/libstdc++.so.6"]
DEBUG_FILES = "/usr/lib/debug/.build-id/*/*.debug"  # of those, the first few
TYPES = {"NOTYPE": 0, "OBJECT": 1, "FUNC": 2, "SECTION": 3, "FILE": 4, "COMMON": 5, "TLS": 6,
         "IFUNC": 10}
BINDS = {"LOCAL": 0, "GLOBAL": 1, "WEAK": 2, "UNIQUE": 10}
INDEXES = {"UND": 0, "ABS": 0xfff1, "COM": 0xfff2}


def number(text):
    return int(text, 16 if text.startswith("0x") else 10)


def theirs(path):
    out = subprocess.run(["readelf", "-sW", path], check=True, capture_output=True, text=True,
                         errors="surrogateescape").stdout
    table, symbols = None, collections.Counter()
    for line in out.splitlines():
        head = re.match(r"Symbol table '(\.\w+)' contains", line)
        table = head.group(1) if head else table
        m = re.match(r" +(\d+): ([0-9a-f]+) +(\w+) +(\w+) +(\w+) +\w+ +(?:\[.*\] +)?(\w+)"
                     r"(?: (.*))?$", line)
        if not m or m.group(1) == "0":
            continue
        _, addr, size, kind, bind, section, name = m.groups()
        # a section's symbol has no name of its own: readelf prints the section's
        name = "" if kind == "SECTION" else re.sub(r"@.*", "", name or "")
        index = INDEXES[section] if section in INDEXES else int(section)
        symbols[(table, int(addr, 16), number(size), TYPES[kind], BINDS[bind], index,
                 name)] += 1
    return symbols


def ours(dump_symbols, path):
    out = subprocess.run([dump_symbols, path], check=True, capture_output=True, text=True,
                         errors="surrogateescape").stdout
    symbols = collections.Counter()
    for line in out.splitlines():
        table, addr, size, kind, bind, index, name = line.split(" ", 6)
        # .symtab spells versions into the name, which readelf's text cannot be told from
        symbols[(table, int(addr, 16), int(size), int(kind), int(bind), int(index),
                 re.sub(r"@.*", "", name))] += 1
    return symbols


def compare(dump_symbols, path):
    mine, other = ours(dump_symbols, path), theirs(path)
    different = (mine - other) + (other - mine)
    print(f"{path}: equal={sum((mine & other).values())} different={sum(different.values())}")
    for symbol in sorted(different)[:10]:
        print(f"# {'turf' if mine[symbol] else 'readelf'}: {symbol}")
    return bool(mine) and not different


def main():
    dump_symbols, files = sys.argv[1], sys.argv[2:]
    if not files:
        files = [f for p in DEFAULT_FILES for f in glob.glob(p)]
        files += sorted(glob.glob(DEBUG_FILES))[:3]
        files = {os.path.realpath(f): f for f in files}.values()
    if not files or not shutil.which("readelf"):
        print("skipped: needs readelf (binutils) and a file to read")
        return 77
    return 0 if all([compare(dump_symbols, f) for f in files]) else 1


if __name__ == "__main__":
    sys.exit(main())
