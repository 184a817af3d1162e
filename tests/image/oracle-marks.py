#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Rows of an urf beside those of llvm-dwarfdump.

    tests/image/oracle-marks.py TURF [FILE...]

Each FILE, and a C program that clang makes here, is indexed; every row that `turf dump --section
marks` shows must be one that `llvm-dwarfdump --debug-line` shows, and the other way round: start,
end, statement, end of prologue, begin of epilogue, discriminator. Where sequences overlap, which
linkers make only of what they drop, nothing is compared.
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

SKIP = 77
DWARFDUMP = shutil.which('llvm-dwarfdump-19') or shutil.which('llvm-dwarfdump')
CLANG = shutil.which('clang-14') or shutil.which('clang')
LOOPS = """
int main(int argc, char **argv)
{
	int sum = 0;
	for (int i = 0; i < argc; i++) for (char *c = argv[i]; *c; c++) sum += *c > 'a' ? *c : i;
	return sum > 9 ? sum : argc > 3 ? argc : 0;
}
"""


def run(*args):
    return subprocess.run([str(a) for a in args], check=True, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout


def debug_file(path):
    build_id = re.search(r'Build ID: (\w\w)(\w+)', run('readelf', '-nW', path))
    if build_id:
        place = pathlib.Path(f'/usr/lib/debug/.build-id/{build_id[1]}/{build_id[2]}.debug')
        if place.exists():
            return place
    return path


def code(path):
    """Ranges of executable sections."""
    found = re.findall(r'^ +\[ *\d+\] \S+ +\S+ +(\w+) \w+ (\w+) \w+ +\w*X\w* ',
                       run('readelf', '-SW', path), re.M)
    return [(int(start, 16), int(start, 16) + int(size, 16)) for start, size in found]


def sequences(path):
    """Of each sequence the rows: address, discriminator, flags; the end last."""
    rows = []
    with subprocess.Popen([DWARFDUMP, '--debug-line', path], text=True,
                          stdout=subprocess.PIPE) as dump:
        for line in dump.stdout:
            if not line.startswith('0x'):
                continue
            words = line.split()
            rows.append((int(words[0], 16), int(words[5]), set(words[7:])))
            if 'end_sequence' in words:
                yield rows
                rows = []


def merged(rows):
    """Rows as an urf has them: one an address, the last one's discriminator, the bits of all."""
    out = []
    for addr, discriminator, flags in rows[:-1]:
        if out and out[-1][0] == addr:
            flags = flags | out.pop()[2]
        out.append((addr, discriminator, flags))
    ends = [row[0] for row in out[1:]] + [rows[-1][0]]
    return [(addr, end, discriminator, frozenset(flags) & set(FLAGS))
            for (addr, discriminator, flags), end in zip(out, ends) if end > addr]


FLAGS = {'is_stmt': 'statement', 'prologue_end': 'prologue-end', 'epilogue_begin': 'epilogue-begin'}


def wanted(path):
    ranges, found = code(path), []
    for rows in sequences(debug_file(path)):
        if any(start <= rows[0][0] < end for start, end in ranges):
            found.append((rows[0][0], rows[-1][0], merged(rows)))
    found.sort(key=lambda sequence: sequence[:2])
    out, overlaps, reach = set(), [], 0
    for i, (start, end, rows) in enumerate(found):
        if start < reach or (i + 1 < len(found) and found[i + 1][0] < end):
            overlaps.append((start, end))
        else:
            out.update(rows)
        reach = max(reach, end)
    return out, overlaps


def told(turf, urf):
    base = int(re.search(r'base (0x\w+)', run(turf, 'dump', '--section', 'head', urf))[1], 16)
    words = {name: flag for flag, name in FLAGS.items()}
    for line in run(turf, 'dump', '--section', 'marks', urf).splitlines():
        found = re.fullmatch(r'(0x\w+)\.\.(0x\w+)((?: [a-z-]+)*?)(?: discriminator (\d+))?', line)
        if found:
            yield (int(found[1], 16) + base, int(found[2], 16) + base, int(found[4] or 0),
                   frozenset(words[word] for word in found[3].split()))
        elif line != '[marks]':
            sys.exit(f'cannot read: {line}')


def compare(turf, path, folder):
    urf = folder / 'urf'
    run(turf, 'index', '-o', urf, path)
    theirs, overlaps = wanted(path)
    ours = {row for row in told(turf, urf)
            if not any(start <= row[0] < end for start, end in overlaps)}
    bits = {flag: sum(flag in row[3] for row in ours) for flag in FLAGS}
    print(f'{path}: {len(theirs)} rows, {len(ours ^ theirs)} different, {len(overlaps)} sequences '
          f'overlap; {sum(row[2] != 0 for row in ours)} discriminators, {bits}')
    for row in sorted(ours ^ theirs)[:10]:
        print(' ', 'ours  ' if row in ours else 'theirs', hex(row[0]), hex(row[1]), *row[2:])
    return len(theirs) > 0 and ours == theirs


def main():
    turf, *paths = sys.argv[1:]
    if not DWARFDUMP:
        print('there is no llvm-dwarfdump')
        sys.exit(SKIP)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        if CLANG:
            (folder / 'loops.c').write_text(LOOPS)
            for options in (['-O0'], ['-O2', '-fdebug-info-for-profiling']):
                paths.append(str(folder / ('loops' + options[0])))
                run(CLANG, '-g', *options, folder / 'loops.c', '-o', paths[-1])
        paths = [p for p in paths if '.debug_line' in run('readelf', '-SW', debug_file(p))]
        sys.exit(0 if paths and all([compare(turf, path, folder) for path in paths]) else 1)


main()
