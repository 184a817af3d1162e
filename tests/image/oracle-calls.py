#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Discriminators of inlined calls beside those of llvm-symbolizer.

    tests/image/oracle-calls.py TURF [FILE...]

Each FILE, and C programs that clang makes here, is indexed; at each address of its code `turf dump
--section calls` must have the discriminators that llvm-symbolizer shows of all frames but the
innermost, whose is that of the line table: tests/image/oracle-marks.py compares those.
"""
import bisect
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

SKIP = 77
SYMBOLIZER = shutil.which('llvm-symbolizer-19') or shutil.which('llvm-symbolizer')
CLANG = shutil.which('clang-14') or shutil.which('clang')
CALLS = """
volatile int sink;
static inline __attribute__((always_inline)) int leaf(int x) { sink += x; return sink * 3; }
static inline __attribute__((always_inline)) int middle(int x)
{
	int r = leaf(x); if (r > 5) r += leaf(x + 1); else if (r) r -= leaf(r) * leaf(x);
	return r;
}
int outer(int n) { int s = 0; for (int i = 0; i < n; i++) s += middle(i) + middle(i + 1); return s; }
int main(int n, char **v)
{
	for (; *v; v++) n += **v > 'a' ? leaf(n) : middle(**v);
	return n > 1 ? outer(n), outer(n + 1) : outer(n + 2);
}
"""
WAYS = (['-O0'], ['-O1', '-gdwarf-4'], ['-O2'], ['-O3', '-ffunction-sections', '-gdwarf-5'])


def run(*args, **more):
    return subprocess.run([str(a) for a in args], check=True, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, **more).stdout


def code(path):
    """Every address of .text."""
    found = re.search(r' \.text +\w+ +(\w+) \w+ (\w+) ', run('readelf', '-SW', path))
    start, size = int(found[1], 16), int(found[2], 16)
    return range(start, start + size)


def without_end(numbers):
    """Up to the last that is not 0."""
    while numbers and not numbers[-1]:
        numbers.pop()
    return numbers


def wanted(path, addrs):
    """Of each address the callers' discriminators, outermost first."""
    lines = run(SYMBOLIZER, f'--obj={path}', '--output-style=JSON',
                input=''.join(f'{addr:#x}\n' for addr in addrs)).splitlines()
    for line in lines:
        frames = json.loads(line).get('Symbol', [])
        yield without_end([frame['Discriminator'] for frame in reversed(frames[1:])])


def told(turf, urf, addrs):
    base = int(re.search(r'base (0x\w+)', run(turf, 'dump', '--section', 'head', urf))[1], 16)
    found = re.findall(r'^(0x\w+|0): (.*)$', run(turf, 'dump', '--section', 'calls', urf), re.M)
    starts = [int(start, 16) + base for start, _ in found]
    for addr in addrs:
        at = bisect.bisect(starts, addr)
        numbers = found[at - 1][1] if at else 'none'
        yield [] if numbers == 'none' else [int(number) for number in numbers.split()]


def compare(turf, path, folder):
    urf = folder / 'urf'
    run(turf, 'index', '-o', urf, path)
    run(turf, 'verify', urf)
    addrs = code(path)
    ours, theirs = list(told(turf, urf, addrs)), list(wanted(path, addrs))
    bad = [i for i, addr in enumerate(addrs) if i >= len(theirs) or ours[i] != theirs[i]]
    print(f'{path}: {len(addrs)} addresses, {sum(map(bool, theirs))} with discriminators of '
          f'calls, {len(bad)} different')
    for i in bad[:10]:
        print(f'  {addrs[i]:#x}: ours {ours[i]}, theirs {theirs[i]}')
    return not bad, any(theirs)


def main():
    turf, *paths = sys.argv[1:]
    if not SYMBOLIZER or not (paths or CLANG):
        print('there is no llvm-symbolizer, or nothing to compare')
        sys.exit(SKIP)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        if CLANG:
            (folder / 'calls.c').write_text(CALLS)
            for i, options in enumerate(WAYS):
                paths.append(str(folder / f'calls{i}'))
                run(CLANG, '-g', '-fdebug-info-for-profiling', *options, folder / 'calls.c', '-o',
                    paths[-1])
        results = [compare(turf, path, folder) for path in paths]
        sys.exit(0 if all(same for same, _ in results) and any(some for _, some in results) else 1)


main()
