#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Stacks of core files, and the variables of each frame, as turf, gdb and eu-stack tell them.

    tests/unwind/oracle-cores.py TURF [--locals] [CORE:PROGRAM...]

Without cores it makes them: of programs/ in C, C++, Rust and Go (where there is a compiler) at
several optimization levels, of a python3 with threads, of a shell. Frames must be the same:
number, pc, function and line, inlined ones too; with --locals also the names and values of
arguments and variables. Differences are printed; the exit status is 1 where there are any.
"""
import argparse
import collections
import json
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
PYTHON = '''
import os, threading, time
for i in range(3): threading.Thread(target=time.sleep, args=(99,), daemon=True).start()
time.sleep(.2)
os.abort()
'''

GDB = r'''
import gdb, json
def value_text(frame, symbol):
    try:
        value = symbol.value(frame)
        return value.format_string(raw=True, static_members=False, deref_refs=True)
    except (gdb.error, gdb.MemoryError) as error:
        return '<error: %s>' % error
def where(symbol):
    try:
        return gdb.execute('info address %s' % symbol.name, to_string=True)
    except gdb.error:
        return ''
def variables(frame):
    frame.select()
    try:
        block = frame.block()
    except RuntimeError:
        return None
    out = []
    while block:
        for symbol in block:
            if symbol.type and symbol.type.name == '__CORE_ADDR':
                continue # a label
            if symbol.is_argument or symbol.is_variable or symbol.is_constant:
                out.append((symbol.name, value_text(frame, symbol), symbol.is_constant,
                            where(symbol)))
        if block.function:
            break
        block = block.superblock
    return out
def frames():
    out = []
    frame = gdb.newest_frame()
    while frame:
        if frame.type() == gdb.TAILCALL_FRAME: # that gdb infers: no trace of it is left
            frame = frame.older()
            if out:
                out[-1]['tail'] = True
            continue
        function = frame.function()
        sal = frame.find_sal()
        out.append({'tail': False, 'pc': frame.pc(), 'signal': frame.type() == gdb.SIGTRAMP_FRAME,
                    'name': function.linkage_name if function else None,
                    'inlined': frame.type() == gdb.INLINE_FRAME,
                    'line': sal.line if sal.symtab else 0,
                    'locals': variables(frame) if LOCALS and function else None})
        frame = frame.older()
    return out, frame_error
frame_error = None
result = []
for thread in sorted(gdb.selected_inferior().threads(), key=lambda t: t.num):
    thread.switch()
    try:
        result.append([thread.ptid[1], frames()[0]])
    except gdb.error as error:
        result.append([thread.ptid[1], str(error)])
with open(OUT, 'w') as out:
    json.dump(result, out)
'''


def run(*args, **how):
    return subprocess.run([str(a) for a in args], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          **how)


def compilers(folder):
    """(program, how it is compiled)"""
    for level in ('-O0', '-O1', '-O2', '-O3', '-Os'):
        yield 'chain.c', ['gcc', '-g', '-pthread', level]
        yield 'classes.cc', ['g++', '-g', '-pthread', level]
    for level in ('-O0', '-O2'):
        yield 'chain.c', ['clang', '-g', '-pthread', level]
        yield 'classes.cc', ['clang++', '-g', '-pthread', level]
    yield 'chain.c', ['gcc', '-g', '-pthread', '-O2', '-fomit-frame-pointer', '-static']
    yield 'deep.rs', ['rustc', '-g']
    yield 'deep.rs', ['rustc', '-g', '-O']
    yield 'deep.go', ['go', 'build']


def make_core(command, folder, core):
    """The core of what @command ends with; the system writes it where we are, if at all."""
    def unlimited():
        resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2)
    before = set(folder.iterdir())
    environment = dict(os.environ, GOTRACEBACK='crash')
    run(*command, cwd=folder, preexec_fn=unlimited, env=environment, timeout=60)
    made = [p for p in set(folder.iterdir()) - before if p.name.startswith('core')]
    if made:
        made[0].rename(core)
    return bool(made)


def make_all(folder):
    n = 0
    for source, how in compilers(folder):
        if not shutil.which(how[0]):
            continue
        program = folder / f'p{n}-{source}{how[-1]}'
        environment = dict(os.environ, GOCACHE=str(folder / 'go'), GOFLAGS='-mod=mod')
        made = run(*how, '-o', program, HERE / 'programs' / source, env=environment, cwd=folder)
        if made.returncode:
            print(f'{program.name}: does not compile: {made.stderr.decode().strip()[-200:]}')
            continue
        for args in ([], ['3000']) if n == 0 else ([],):
            core = folder / f'c{n}-{source}{how[-1]}'
            if make_core([program, *args], folder, core):
                yield core, program
                n += 1
    for name, command in (('python', ['/usr/bin/python3', '-c', PYTHON]),
                          ('shell', ['/bin/sh', '-c', 'kill -SEGV $$'])):
        core = folder / f'c{n}-{name}'
        if make_core(command, folder, core):
            yield core, pathlib.Path(command[0]).resolve()
            n += 1


def ask_gdb(core, program, folder, with_locals):
    script, out = folder / 'gdb.py', folder / 'gdb.json'
    script.write_text(f'LOCALS = {with_locals}\nOUT = {str(out)!r}\n{GDB}')
    out.unlink(missing_ok=True)
    said = run('gdb', '-batch', '-nx', '-iex', 'set auto-load off', '-iex',
               'set debuginfod enabled off', '-ex', 'set backtrace past-main on', '-ex',
               'set print elements 200', '-ex', 'set width 0', '-x', script, program, core)
    if not out.exists():
        crashed = b'This is a bug' in said.stderr
        print(f'{core.name}: gdb ' + ('crashed' if crashed else said.stderr.decode()[-300:]))
        return {}
    return dict(json.loads(out.read_text()))


def ask_turf(turf, core, with_locals):
    said = run(turf, 'stack', '--json', *(['--locals'] if with_locals else []), core)
    if said.returncode:
        raise SystemExit(f'{core}: {said.stderr.decode()}')
    return {stack['tid']: stack for stack in map(json.loads, said.stdout.splitlines())}


def ask_elfutils(core, program):
    said = run('eu-stack', '--core', core, '-e', program, '-n', 5000, env=dict(
        os.environ, DEBUGINFOD_URLS='')).stdout.decode(errors='replace')
    stacks, tid = {}, None
    for line in said.splitlines():
        if m := re.match(r'TID (\d+):', line):
            tid = int(m[1])
            stacks[tid] = []
        elif (m := re.match(r'#\d+\s+0x([0-9a-f]+)', line)) and tid is not None:
            stacks[tid].append(int(m[1], 16))
    return stacks


def plain(name):
    """Versions, clones' suffixes and parameters apart, a function is called alike."""
    return re.sub(r'@.*|\.(cold|part|constprop|isra|lto_priv)\b.*|\(.*', '', name or '')


def same_frame(ours, theirs):
    return int(ours['pc'], 16) == theirs['pc'] and ours.get('inlined', False) == theirs['inlined']


def line_by_binutils(frame):
    said = run('addr2line', '-i', '-e', frame['module'], frame['address']).stdout.decode()
    m = re.match(r'.*:(\d+)', said)
    return int(m[1]) if m else None


WHY = ('<register not saved>', "<value at the function's entry not known>", '<not saved>')


class Report:
    def __init__(self):
        self.n = collections.Counter()
        self.bad = 0

    def differ(self, kind, text):
        self.n[kind] += 1
        self.bad += 1
        if self.n[kind] <= 40:
            print(f'  {kind}: {text}')


NOTHING = re.compile(r'\{(?:(?:[\w.$]+ = |<[^<>=]*> = )?<optimized out>(?: <repeats \d+ times>)?(?:, )?)+\}')


def fold(text):
    """What of nothing is left is nothing: gdb's Python says so of each part."""
    while True:
        folded = NOTHING.sub('<optimized out>', text)
        if folded == text:
            return text
        text = folded


def explanation(text, value, location, tail):
    """Why gdb says something else of a variable, or None."""
    at_entry = not location or 'entry_value' in location or 'parameter_ref' in location
    if text == WHY[0] and '<optimized out>' not in value:
        return 'gdb takes registers that calls do not keep from inner frames'
    for why in WHY:
        text = text.replace(why, '<optimized out>')
    text, value = fold(text), fold(value)
    symbol = r' <[^<>=]+(<[^<>]*>[^<>]*)*\+?\d*>'
    if text == value:
        return ''
    if at_entry and value == '<optimized out>':
        return 'gdb tells no value at entry where jumps might have led there'
    if text == '<optimized out>' and (tail or at_entry):
        return 'gdb infers what was passed from the frames of jumps'
    if at_entry:
        return 'gdb takes what inlined functions were passed from a wrong frame'
    if 'Dwarf Error' in value:
        return 'gdb cannot follow implicit pointers of clang'
    if re.sub(symbol, '', text) == re.sub(symbol, '', value):
        return 'gdb names data by ELF symbols, of which urfs keep those of code'
    if text.replace('const int', 'int const') == value or value.replace('int const', 'const int') == text:
        return 'gdb writes arguments of templates as the linkage name does'
    return None


def compare_locals(report, where, ours, theirs, tail):
    """Of two of one name, in blocks within each other, the inner one comes first in both."""
    mine = collections.defaultdict(list)
    for variable in ours.get('locals', []):
        mine[variable.get('name')].append(variable)
    for name, value, constant, location in theirs:
        value = re.sub(r' <vtable for .*?\+16>|(?<=<main)\(\)(?=>)', '', value)
        if constant and not mine[name]:
            continue # an enumerator
        if not mine[name] and fold(value) == '<optimized out>':
            report.n['explained: gdb tells of variables of other blocks, optimized out'] += 1
            continue
        if not mine[name]:
            report.differ('variable missing', f'{where} {name} = {value}')
            continue
        variable = mine[name].pop(0)
        text = variable.get('value', f'<{variable.get("why")}>')
        report.n['values compared'] += 1
        if '.rs' in where or '.go' in where:
            continue # gdb writes them as these languages do
        why = explanation(text, value, location, tail)
        if why:
            report.n[f'explained: {why}'] += 1
        elif why is None:
            report.differ('value', f'{where} {name}: turf {text!r} gdb {value!r}')
    for name, left in mine.items():
        if left:
            report.differ('variable too many', f'{where} {name} = {left[0]}')


def compare_gdb(report, core, ours, theirs, with_locals):
    for tid, frames in theirs.items():
        if isinstance(frames, str) or tid not in ours:
            report.differ('thread', f'{core.name} {tid}: gdb {frames if tid in ours else ""}')
            continue
        mine = ours[tid]['frames']
        report.n['frames compared with gdb'] += len(frames)
        report.n['complete'] += ours[tid]['complete']
        report.n['threads'] += 1
        if len(mine) < len(frames) and not ours[tid]['complete']:
            report.n['explained: gdb goes on where no rule covers the pc'] += 1
        elif len(mine) != len(frames):
            report.differ('number of frames', f'{core.name} {tid}: turf {len(mine)} ({ours[tid]["stop"]}) gdb {len(frames)}')
        for i, (a, b) in enumerate(zip(mine, frames)):
            where = f'{core.name} {tid} #{i}'
            if not same_frame(a, b):
                report.differ('frame', f'{where}: turf {a} gdb {b["name"]} {b["pc"]:#x}')
                break
            names = {plain(a.get('function')), plain(a.get('linkage_name'))}
            if b['name'] and plain(b['name']) not in names and not b['signal']:
                report.differ('name', f'{where}: turf {names} gdb {b["name"]}')
            if b['line'] and a.get('line', 0) != b['line'] and line_by_binutils(a) == a.get('line'):
                report.n['explained: gdb leaves rows out that begin no statement'] += 1
            elif b['line'] and a.get('line', 0) != b['line']:
                report.differ('line', f'{where}: turf {a.get("line")} gdb {b["line"]}')
            if with_locals and b['locals'] is not None:
                compare_locals(report, where, a, b['locals'], b['tail'])


def compare_elfutils(report, core, ours, theirs):
    for tid, pcs in theirs.items():
        mine = [int(f['pc'], 16) for f in ours.get(tid, {'frames': []})['frames']
                if not f.get('inlined')]
        report.n['frames compared with eu-stack'] += len(pcs)
        if len(pcs) > len(mine) and pcs[:len(mine)] == mine and not ours[tid]['complete']:
            report.n['explained: eu-stack goes on where no rule covers the pc'] += 1
        elif mine[:len(pcs)] != pcs or (len(mine) > len(pcs) and not ours[tid]['complete']):
            report.differ('eu-stack', f'{core.name} {tid}: turf {len(mine)} eu-stack {len(pcs)}')
        elif len(mine) > len(pcs):
            report.n['eu-stack stops early'] += 1


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('turf')
    parser.add_argument('cores', nargs='*')
    parser.add_argument('--locals', action='store_true')
    args = parser.parse_args()
    report = Report()
    with tempfile.TemporaryDirectory(prefix='turf-cores-') as name:
        folder = pathlib.Path(name)
        cores = [tuple(map(pathlib.Path, c.split(':'))) for c in args.cores] or make_all(folder)
        for core, program in cores:
            report.n['cores'] += 1
            ours = ask_turf(args.turf, core, args.locals)
            compare_gdb(report, core, ours, ask_gdb(core, program, folder, args.locals),
                        args.locals)
            if not args.locals:
                compare_elfutils(report, core, ours, ask_elfutils(core, program))
            if not args.cores:
                core.unlink()
    for kind, n in sorted(report.n.items()):
        print(f'{n:9,} {kind}')
    return bool(report.bad)


sys.exit(main())
