#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Turf's answers by name and by line beside those of other tools.

    names.py [-n COUNT] [--seed N] TURF FILE...

Names: each function that has code, its own or inlined, each type with a name and each variable with an
address that llvm-dwarfdump shows must be found by that name, as one of that kind; and each name
that Turf lists must be one that llvm-dwarfdump shows.

Lines: of COUNT random addresses that llvm-symbolizer knows, the line of the innermost frame must
lead back to a run that covers the address; and each run of those lines must be of that line for
llvm-symbolizer, in the frame of the depth that Turf says. With gdb, where `info line` says that
a line starts must lie in a run, if llvm-symbolizer has that line there too.

Exit status: 0 the same, 1 not, 77 a tool is missing.
"""
import argparse
import json
import pathlib
import random
import re
import shutil
import subprocess
import sys

BATCH = 400 # names in one call, lines in one call
KINDS = {
    'DW_TAG_subprogram': 'function',
    'DW_TAG_inlined_subroutine': None,
    'DW_TAG_structure_type': 'type',
    'DW_TAG_union_type': 'type',
    'DW_TAG_class_type': 'type',
    'DW_TAG_enumeration_type': 'type',
    'DW_TAG_typedef': 'type',
    'DW_TAG_base_type': 'type',
    'DW_TAG_enumerator': 'enumerator',
    'DW_TAG_variable': 'variable',
}


def tool(*names):
    for name in names:
        if shutil.which(name):
            return name
    return None


def dwarf_file(path):
    """The separate debug file, if there is one."""
    note = subprocess.run(['readelf', '-n', path], stdout=subprocess.PIPE, text=True).stdout
    m = re.search(r'Build ID: ([0-9a-f]+)', note)
    if m:
        debug = pathlib.Path(f'/usr/lib/debug/.build-id/{m[1][:2]}/{m[1][2:]}.debug')
        if debug.exists():
            return debug
    return path


def dwarf_names(dwarfdump, path):
    """(must, may): sets of (kind, name): those that must be found; all that there are."""
    must, may, origins, names = set(), set(), set(), {}
    die = None
    run = subprocess.Popen([dwarfdump, '--debug-info', path], stdout=subprocess.PIPE, text=True,
                           errors='replace')

    def end(die):
        if not die or die['tag'] not in KINDS:
            return
        kind, name = KINDS[die['tag']], die.get('name')
        if die.get('origin') and die.get('code'):
            origins.add(die['origin'])
        if not kind or not name:
            return
        names[die['off']] = name
        may.add((kind, name))
        if die.get('linkage'):
            may.add((kind, die['linkage']))
        if kind == 'function' and die.get('code'):
            must.add((kind, name))
        if kind == 'type' and not die.get('declaration'):
            must.add((kind, name))
        if kind == 'enumerator' or (kind == 'variable' and die.get('address')):
            must.add((kind, name))

    for line in run.stdout:
        m = re.match(r'^0x([0-9a-f]+):\s+(DW_TAG_\w+|NULL)', line)
        if m:
            end(die)
            die = {'off': int(m[1], 16), 'tag': m[2]}
            continue
        if die is None:
            continue
        m = re.match(r'^\s+(DW_AT_\w+)\t\((.*)', line)
        if not m:
            m = re.match(r'^\s+\[0x([0-9a-f]+), 0x([0-9a-f]+)\)', line)
            if m and die.get('ranges') and m[1] != m[2]:
                die['code'] = True
            continue
        die['ranges'] = m[1] == 'DW_AT_ranges'
        if m[1] == 'DW_AT_name':
            die['name'] = m[2].rstrip()[1:-2]
        elif m[1] in ('DW_AT_linkage_name', 'DW_AT_MIPS_linkage_name'):
            die['linkage'] = m[2].rstrip()[1:-2]
        elif m[1] == 'DW_AT_low_pc':
            die['low'] = m[2]
        elif m[1] == 'DW_AT_high_pc':
            die['code'] = die.get('low') != m[2] # what is inlined may be of no bytes
        elif m[1] in ('DW_AT_abstract_origin', 'DW_AT_specification'):
            die['origin'] = int(re.match(r'0x([0-9a-f]+)', m[2])[1], 16)
        elif m[1] == 'DW_AT_declaration':
            die['declaration'] = True
        elif m[1] == 'DW_AT_location' and m[2].startswith('DW_OP_addr '):
            die['address'] = True
    end(die)
    run.wait()
    must |= {('function', names[o]) for o in origins if o in names}
    return must, may


def turf_json(turf, *args):
    run = subprocess.run([turf, *args], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                         text=True)
    if run.returncode == 2:
        sys.exit(f'{turf} {args[0]} failed')
    return [json.loads(line) for line in run.stdout.splitlines()]


def compare_names(turf, urf, path, dwarfdump):
    must, may = dwarf_names(dwarfdump, dwarf_file(path))
    names = sorted({n for _, n in must if not re.search(r'[*?[:]|^0x|^-', n)})
    found = set()
    for i in range(0, len(names), BATCH):
        for f in turf_json(turf, 'lookup', '-e', urf, '--json', '--', *names[i:i + BATCH]):
            found.add((f['kind'], f['query']))
    wanted = {(k, n) for k, n in must if n in set(names)}
    # what assemblers call a function may be known as a symbol
    lost = sorted((k, n) for k, n in wanted - found
                  if k != 'function' or ('symbol', n) not in found)
    invented = set()
    n_listed = 0
    for kind, what in ('function', 'functions'), ('variable', 'variables'):
        for f in turf_json(turf, 'list', '-e', urf, '--json', what):
            name = f['name']
            if '::' in name or '(' in name or '<' in name or '.' in name:
                continue # as it was written, which is not in the DWARF
            n_listed += 1
            if (kind, name) not in may:
                invented.add((kind, name))
    print(f'{path}: {len(wanted)} names, {len(lost)} not found; {n_listed} listed, '
          f'{len(invented)} of no DIE')
    for kind, name in lost[:10]:
        print(f'  lost: {kind} {name}')
    for kind, name in sorted(invented)[:10]:
        print(f'  invented: {kind} {name}')
    return not lost and not invented and wanted


def symbolize(symbolizer, path, addrs):
    """Frames of each address: [(file, line)], innermost first."""
    run = subprocess.run([symbolizer, '--output-style=JSON', '-e', path],
                         input='\n'.join(hex(a) for a in addrs), stdout=subprocess.PIPE,
                         text=True)
    frames = []
    for line in run.stdout.splitlines():
        answer = json.loads(line)
        frames.append([(f['FileName'], f['Line']) for f in answer.get('Symbol', [])])
    return frames


def sample_addresses(path, n, rng):
    text = subprocess.run(['readelf', '-SW', path], stdout=subprocess.PIPE, text=True).stdout
    m = re.search(r'\.text\s+PROGBITS\s+(\w+)\s+\w+\s+(\w+)', text)
    start, size = int(m[1], 16), int(m[2], 16)
    return [start + rng.randrange(size) for _ in range(n)]


def compare_lines(turf, urf, path, symbolizer, n, rng):
    addrs = sample_addresses(path, n, rng)
    known = [(a, f[0]) for a, f in zip(addrs, symbolize(symbolizer, path, addrs))
             if f and f[0][0] and f[0][1]]
    queries = sorted({f'{file}:{line}' for _, (file, line) in known})
    runs = {}
    for i in range(0, len(queries), BATCH):
        for r in turf_json(turf, 'lookup', '-e', urf, '--json', '--', *queries[i:i + BATCH]):
            runs.setdefault(r['query'], []).append(r)
    lost = [(a, q) for a, (file, line) in known for q in [f'{file}:{line}']
            if not any(int(r['start'], 16) <= a < int(r['end'], 16) for r in runs.get(q, []))]
    checked = [(q, r) for q in runs for r in runs[q]]
    rng.shuffle(checked)
    checked = checked[:n]
    wrong = []
    answers = symbolize(symbolizer, path, [int(r['start'], 16) for _, r in checked])
    for (q, r), frames in zip(checked, answers):
        file, line = q.rsplit(':', 1)
        if not frames or frames[0][1] != int(line) or len(frames) <= r['depth']:
            wrong.append((q, r['start'], frames))
    print(f'{path}: {len(known)} addresses, {len(lost)} not led back to; {len(checked)} runs, '
          f'{len(wrong)} of another line')
    for a, q in lost[:10]:
        print(f'  lost: {a:#x} {q}')
    for q, start, frames in wrong[:10]:
        print(f'  wrong: {q} {start} {frames}')
    return not lost and not wrong and checked


def compare_gdb(turf, urf, path, n, rng, symbolizer):
    addrs = sample_addresses(path, n, rng)
    queries = sorted({f'{f[0][0]}:{f[0][1]}' for f in symbolize(symbolizer, path, addrs)
                      if f and f[0][0] and f[0][1] and ' ' not in f[0][0]})
    commands = []
    for q in queries:
        commands += ['-ex', f'echo @{q}\\n', '-ex', f'info line {q}']
    text = subprocess.run(['gdb', '-nx', '-batch', *commands, path], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True).stdout
    starts, query = {}, None
    for line in text.splitlines():
        if line.startswith('@'):
            query = line[1:]
            continue
        m = re.match(r'Line (\d+) of ".*" starts at address (0x[0-9a-f]+)', line)
        if m and query and m[1] == query.rsplit(':', 1)[1]:
            starts.setdefault(query, set()).add(int(m[2], 16))
    answered = sorted(starts)
    runs = {}
    for i in range(0, len(answered), BATCH):
        for r in turf_json(turf, 'lookup', '-e', urf, '--json', '--', *answered[i:i + BATCH]):
            runs.setdefault(r['query'], []).append((int(r['start'], 16), int(r['end'], 16)))
    lost = [(q, a) for q in answered for a in starts[q]
            if not any(s <= a < e for s, e in runs.get(q, []))]
    # rows of one address but for the last, which gdb tells too, are not what is there
    frames = symbolize(symbolizer, path, [a for _, a in lost])
    lost = [at for at, f in zip(lost, frames)
            if f and f'{f[0][0]}:{f[0][1]}' == at[0]]
    total = sum(len(s) for s in starts.values())
    print(f'{path}: {total} starts that gdb tells, {len(lost)} of them in no run')
    for q, a in lost[:10]:
        print(f'  lost: {q} {a:#x}')
    return not lost and total


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('-n', type=int, default=2000)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('turf')
    parser.add_argument('files', nargs='+')
    args = parser.parse_args()
    dwarfdump = tool('llvm-dwarfdump-19', 'llvm-dwarfdump')
    symbolizer = tool('llvm-symbolizer-19', 'llvm-symbolizer')
    if not dwarfdump or not symbolizer:
        print('no llvm-dwarfdump or llvm-symbolizer')
        return 77
    good = True
    for path in args.files:
        rng = random.Random(args.seed)
        good &= bool(compare_names(args.turf, path, path, dwarfdump))
        good &= bool(compare_lines(args.turf, path, path, symbolizer, args.n, rng))
        if shutil.which('gdb'):
            good &= bool(compare_gdb(args.turf, path, path, args.n // 10, rng, symbolizer))
    return 0 if good else 1


sys.exit(main())
