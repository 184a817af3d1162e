#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What the DWARF room reads against what llvm-dwarfdump reads.

    oracle-dwarf.py DUMP-SCOPES [--full] [--stride N] [--sample SOURCE]... [FILE...]

FILE defaults, without a sample, to the debug files of libc6-dbg and python3.11-dbg that are installed. Without
--full every N-th unit is compared (its scopes and its line rows). --sample compiles that source
with the compilers that are there, C also for other machines, in all the versions of DWARF that
they write, 32- and 64-bit, and compares each program.

Compared: every scope with code (offset, kind, enclosing scope, ranges, names over all links, where
it is declared, call file, line, column, discriminator), every directory and file, every line row.

Differences that are no errors of either, and are allowed for here:
  - empty ranges: llvm prints them, the room does not tell them
  - llvm joins the name of a file with its directory and the compilation directory; so do we, here

Exits with 0: all equal, 1: differences (the first are printed), 77: nothing to compare with.
"""
import argparse
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

TOOLS = ['llvm-dwarfdump-19', 'llvm-dwarfdump', 'llvm-dwarfdump-16', 'llvm-dwarfdump-14']
NONE = (1 << 64) - 1
DIE = re.compile(r'0x([0-9a-f]+):( +)(DW_TAG_\w+)')
ATTR = re.compile(r' +(DW_AT_\w+)\t\((.*)')
RANGE = re.compile(r' +\[0x([0-9a-f]+), 0x([0-9a-f]+)\)')
CODE = ('DW_TAG_subprogram', 'DW_TAG_inlined_subroutine')
WANTED = {'DW_AT_low_pc', 'DW_AT_high_pc', 'DW_AT_abstract_origin', 'DW_AT_specification',
          'DW_AT_name', 'DW_AT_linkage_name', 'DW_AT_MIPS_linkage_name', 'DW_AT_decl_file',
          'DW_AT_decl_line', 'DW_AT_call_file', 'DW_AT_call_line', 'DW_AT_call_column',
          'DW_AT_GNU_discriminator', 'DW_AT_comp_dir'}


def lines_of(command):
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, errors='replace') as p:
        yield from p.stdout
    if p.returncode:
        sys.exit(f'oracle-dwarf: {" ".join(command)}: exit {p.returncode}')


class Die:
    """A unit DIE, subprogram or inlined call as llvm prints it."""
    __slots__ = ('off', 'tag', 'indent', 'attrs', 'ranges', 'parent', 'unit')

    def __init__(self, off, tag, indent, unit):
        self.off, self.tag, self.indent, self.unit = off, tag, indent, unit
        self.attrs, self.ranges, self.parent = {}, None, None

    def number(self, name, default=0):
        text = self.attrs.get(name)
        return int(text.rstrip(')').split()[0], 0) if text else default

    def string(self, name):
        text = self.attrs.get(name)
        return text[1:text.rindex('"')].replace('\\"', '"') if text else ''

    def has_code(self):
        return self.ranges is not None or ('DW_AT_low_pc' in self.attrs and
                                           'DW_AT_high_pc' in self.attrs)

    def code(self):
        if self.ranges is not None:
            return [r for r in self.ranges if r[0] < r[1]]
        low, high = self.number('DW_AT_low_pc'), self.number('DW_AT_high_pc')
        return [(low, high)] if low < high else []


def read_info(tool, path):
    """All units, subprograms and inlined calls, by offset."""
    dies, unit, die, stack, in_ranges = {}, 0, None, [], False
    for line in lines_of([tool, '--debug-info', path]):
        if line.startswith('0x'):
            in_ranges, die = False, None
            m = DIE.match(line)
            if not m:
                if 'Unit: length' in line:
                    unit, stack = int(line[2:line.index(':')], 16), []
                continue
            indent = len(m[2])
            while stack and stack[-1].indent >= indent:
                stack.pop()
            if m[3] in CODE or m[3].endswith('_unit'):
                die = dies[int(m[1], 16)] = Die(int(m[1], 16), m[3], indent, unit)
                # the nearest scope around it that has code
                die.parent = next((s for s in reversed(stack)
                                   if s.tag in CODE and s.has_code()), None)
                stack.append(die)
        elif die is not None:
            if in_ranges:
                m = RANGE.match(line)
                if m:
                    die.ranges.append((int(m[1], 16), int(m[2], 16)))
                    continue
                in_ranges = False
            m = ATTR.match(line)
            if m and m[1] == 'DW_AT_ranges':
                die.ranges, in_ranges = [], True
            elif m and m[1] in WANTED:
                die.attrs[m[1]] = m[2]
    return dies


def read_lines(tool, path):
    """Of each line table: its directories, files, rows."""
    tables, table, rows, index = {}, None, None, 0
    for line in lines_of([tool, '--debug-line', path]):
        if line.startswith('0x'):
            f = line.split()
            flags = f[7:]
            rows.append((int(f[0], 16), int(f[3]), int(f[1]), int(f[2]), int(f[5]),
                         ''.join(c for c, name in (('s', 'is_stmt'), ('p', 'prologue_end'),
                                                   ('b', 'epilogue_begin'),
                                                   ('e', 'end_sequence')) if name in flags)))
        elif line.startswith('debug_line['):
            rows = []
            table = {'directories': {}, 'files': {}, 'rows': rows}
            tables[int(line[11:line.index(']')], 16)] = table
        elif line.startswith('include_directories['):
            m = re.match(r'include_directories\[ *(\d+)\] = "(.*)"', line)
            table['directories'][int(m[1])] = m[2]
        elif line.startswith('file_names['):
            index = int(line[11:line.index(']')])
        elif line.startswith('           name: '):
            table['files'][index] = [line[line.index('"') + 1:line.rindex('"')], 0]
        elif line.startswith('      dir_index: '):
            table['files'][index][1] = int(line.split()[1])
    return tables


def read_ours(dump, path, stride):
    """Units as dump-scopes prints them; every stride-th with its scopes and rows."""
    units, unit, number = [], None, 0
    for line in lines_of([dump, path]):
        f = line.rstrip('\n').split('\t')
        if f[0] == 'unit':
            unit = {'off': int(f[1], 16), 'error': f[2] == 'error', 'text': line,
                    'chosen': number % stride == 0, 'scopes': [], 'files': {}, 'rows': [],
                    'line': NONE if f[2] == 'error' else int(f[3], 16), 'errors': []}
            units.append(unit)
            number += 1
        elif f[0] == 'file':
            unit['files'][int(f[1])] = (f[2], f[3], f[4])
        elif f[0] == 'error':
            unit['errors'].append(line)
        elif f[0] == 'scope' and unit['chosen']:
            unit['scopes'].append(f[1:])
        elif f[0] == 'row' and unit['chosen']:
            unit['rows'].append((int(f[1], 16), int(f[2]), int(f[3]), int(f[4]), int(f[5]),
                                 f[6]))
    return units


class Comparison:
    def __init__(self, path, tool, dump, stride):
        self.path = path
        self.dies = read_info(tool, path)
        self.tables = read_lines(tool, path)
        self.units = read_ours(dump, path, stride)
        self.by_off = {u['off']: u for u in self.units}
        self.comp_dirs = {d.unit: d.string('DW_AT_comp_dir') for d in self.dies.values()
                          if d.tag.endswith('_unit')}
        self.n = {'units': 0, 'scopes': 0, 'ranges': 0, 'files': 0, 'rows': 0}
        self.differences = 0

    def differ(self, what, theirs, ours):
        self.differences += 1
        if self.differences <= 20:
            print(f'{self.path}: {what}: llvm {theirs!r}, ours {ours!r}')

    def expect(self, what, theirs, ours):
        if theirs != ours:
            self.differ(what, theirs, ours)

    def file_path(self, unit_off, index):
        """A file as llvm prints it."""
        unit = self.by_off.get(unit_off)
        if index == -1 or unit is None or index not in unit['files']:
            return ''
        parts = [p for p in unit['files'][index] if p]
        return os.path.normpath(os.path.join(*parts)) if parts else ''

    def names(self, die):
        """name, linkage name, declared file and line, over all links; and the first origin."""
        name = linkage = decl_file = ''
        line, origin, links = 0, die.off, 0
        while die is not None and links < 20:
            name = name or die.string('DW_AT_name')
            linkage = linkage or die.string('DW_AT_linkage_name') or \
                die.string('DW_AT_MIPS_linkage_name')
            decl_file = decl_file or die.string('DW_AT_decl_file')
            line = line or die.number('DW_AT_decl_line')
            link = die.attrs.get('DW_AT_abstract_origin')
            if link and links == 0:
                origin = int(link.rstrip(')').split()[0], 16)
            link = link or die.attrs.get('DW_AT_specification')
            die = self.dies.get(int(link.rstrip(')').split()[0], 16)) if link else None
            links += 1
        return name, linkage, os.path.normpath(decl_file) if decl_file else '', line, origin

    def scope(self, die, ours):
        at = f'DIE 0x{die.off:x}'
        kind, depth, parent, origin, name, linkage, decl = ours[1:8]
        inlined = die.tag == 'DW_TAG_inlined_subroutine'
        self.expect(f'{at}: kind', 'I' if inlined else 'F', kind)
        self.expect(f'{at}: parent', die.parent.off if die.parent else NONE, int(parent, 16))
        want_depth, up = 0, die
        while up.tag == 'DW_TAG_inlined_subroutine' and up.parent is not None:
            want_depth, up = want_depth + 1, up.parent
        self.expect(f'{at}: depth', want_depth, int(depth))
        decl_unit, decl_file, decl_line = decl.split(':')
        theirs = self.names(die)
        self.expect(f'{at}: names', theirs,
                    (name, linkage, self.file_path(int(decl_unit, 16), int(decl_file)),
                     int(decl_line), int(origin, 16)))
        call_file = die.string('DW_AT_call_file')
        self.expect(f'{at}: call', (os.path.normpath(call_file) if call_file else '',
                                    die.number('DW_AT_call_line'),
                                    die.number('DW_AT_call_column'),
                                    die.number('DW_AT_GNU_discriminator')),
                    (self.file_path(die.unit, int(ours[8])), int(ours[9]), int(ours[10]),
                     int(ours[11])))
        ranges = [tuple(int(x, 16) for x in r.split('-')) for r in ours[13].split(',') if r]
        self.expect(f'{at}: ranges', die.code(), ranges)
        self.n['ranges'] += len(ranges)

    def scopes(self, unit, dies):
        ours = {int(s[0], 16): s for s in unit['scopes']}
        for die in dies:
            if die.off not in ours:
                self.differ(f'DIE 0x{die.off:x}', die.tag, None)
            else:
                self.scope(die, ours.pop(die.off))
                self.n['scopes'] += 1
        for off in ours:
            self.differ(f'DIE 0x{off:x}', None, 'a scope')

    def lines(self, unit):
        at = f'line table 0x{unit["line"]:x}'
        table = self.tables.get(unit['line'])
        if table is None:
            self.expect(at, None, unit['rows'] or None)
            return
        files = {}
        for i, (name, directory) in table['files'].items():
            path = table['directories'].get(directory, '')
            # directory 0 is the compilation directory, as the table or as the unit tells it
            root = table['directories'].get(0, '')
            comp_dir = self.comp_dirs.get(unit['off'], '') or root
            files[i] = (path or comp_dir, '', name) if directory == 0 else (comp_dir, path, name)
        self.expect(f'{at}: files', files, unit['files'])
        if table['rows'] != unit['rows']:
            for i, (a, b) in enumerate(zip(table['rows'], unit['rows'])):
                self.expect(f'{at}: row {i}', a, b)
            self.expect(f'{at}: number of rows', len(table['rows']), len(unit['rows']))
        self.n['files'] += len(files)
        self.n['rows'] += len(unit['rows'])

    def run(self):
        by_unit = {}
        for die in self.dies.values():
            dies = by_unit.setdefault(die.unit, [])
            if die.tag in CODE and die.has_code():
                dies.append(die)
        self.expect('units', sorted(by_unit), [u['off'] for u in self.units])
        for unit in self.units:
            for text in unit['errors']:
                self.differ(f'unit 0x{unit["off"]:x}', None, text)
            self.expect(f'unit 0x{unit["off"]:x}: error', False, unit['error'])
            if unit['chosen']:
                self.n['units'] += 1
                self.scopes(unit, by_unit.get(unit['off'], []))
                if unit['line'] != NONE:
                    self.lines(unit)
        print(f'{self.path}: ' + ', '.join(f'{v} {k}' for k, v in self.n.items()) +
              f': {self.differences} differences')
        return self.differences == 0


def ways(cc, version):
    """Lists of flags."""
    yield ['-O2']
    yield ['-O0']
    if version >= 3:
        yield ['-O2', '-gdwarf64']
    if 'clang' in cc:
        yield ['-O2', '-gmlt']
        yield ['-O2', '-fdebug-info-for-profiling']
    elif version >= 4:
        yield ['-O2', '-fdebug-types-section']


# machines of both byte orders, of 4 and 8 bytes to an address, of instructions of 1 to 4 bytes
CROSS = ['aarch64-linux-gnu-gcc', 'arm-linux-gnueabihf-gcc', 'i686-linux-gnu-gcc',
         'powerpc64le-linux-gnu-gcc', 'riscv64-linux-gnu-gcc', 's390x-linux-gnu-gcc']
COMPILERS = {'.c': ['gcc', 'clang', 'clang-14', 'clang-19'] + CROSS,
             '.cc': ['g++', 'clang++', 'clang++-14', 'clang++-19'],
             '.adb': ['gnatmake'], '.d': ['gdc'], '.f90': ['gfortran'], '.go': ['go', 'gccgo'],
             '.rs': ['rustc']}
STD = {'.c': ['-std=gnu11'], '.cc': ['-std=c++14']}


def commands(source, cc):
    """Lists of arguments that make a program, without its name."""
    kind = os.path.splitext(source)[1]
    if cc == 'rustc':
        yield [cc, '-g', '-O', source]
        yield [cc, '-g', source]
    elif cc == 'go':
        yield [cc, 'build', source]
        yield [cc, 'build', '-gcflags=-N -l', source]
    else:
        for version in (2, 3, 4, 5):
            for flags in ways(cc, version):
                # for another machine there is no C library to link with
                cross = ['-shared', '-fPIC', '-nostdlib'] if cc in CROSS else []
                yield [cc, *STD.get(kind, []), f'-gdwarf-{version}', '-g', *flags, *cross,
                       source]


def output(command, folder):
    """Where the command's program shall be, and the command that puts it there."""
    flags = ''.join(a for a in command[1:-1] if a.startswith('-')).replace('/', '_')
    out = os.path.join(folder, os.path.basename(command[0]) + flags)
    return out, command[:-1] + ['-o', out, command[-1]]


def samples(source, folder):
    """Programs made of @source in many ways; what a compiler cannot do is left out."""
    seen = set()
    for cc in COMPILERS[os.path.splitext(source)[1]]:
        path = os.path.realpath(shutil.which(cc) or '')
        if not os.path.isfile(path) or path in seen:
            continue
        seen.add(path)
        for command in commands(source, cc):
            out, command = output(command, folder)
            env = dict(os.environ, GOCACHE=os.path.join(folder, 'go'), GO111MODULE='off')
            r = subprocess.run(command, stderr=subprocess.DEVNULL, check=False, cwd=folder,
                               env=env)
            if r.returncode == 0:
                yield out


def installed():
    ids = ['93/ac61ec5a8eb1396f9fbd350e3169a558528a40', 'c5/61f3aa7232f2bd6ac6d56bd475f1c154a00486']
    paths = [f'/usr/lib/debug/.build-id/{i}.debug' for i in ids]
    found = [p for p in paths if os.path.exists(p)]
    return found or sorted(glob.glob('/usr/lib/debug/.build-id/*/*.debug'))[:1]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('dump')
    parser.add_argument('files', nargs='*')
    parser.add_argument('--full', action='store_true')
    parser.add_argument('--stride', type=int, default=1)
    parser.add_argument('--sample', action='append', default=[])
    args = parser.parse_intermixed_args()
    tool = next((t for t in TOOLS if shutil.which(t)), None)
    if not tool:
        print('no llvm-dwarfdump')
        return 77
    good, n = True, 0
    with tempfile.TemporaryDirectory() as folder:
        files = args.files or ([] if args.sample else installed())
        for source in args.sample:
            files += samples(os.path.abspath(source), folder)
        for path in files:
            n += 1
            good &= Comparison(path, tool, args.dump, 1 if args.full else args.stride).run()
    return 77 if n == 0 else 0 if good else 1


sys.exit(main())
