#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Names of linkage stubs beside those that objdump and llvm-objdump make.

    oracle-plt.py TURF [FILE...]

Every address of .plt, .plt.sec and .plt.got (of ppc64: of all code) of each FILE, and of programs
that are linked here in all the ways the linkers at hand know, must have the name of the label above
it, and where there is none, no name that ends in @plt.

Exit status: 0 equal, 1 not, 77 a tool is missing.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

LLVM = shutil.which('llvm-objdump-19') or shutil.which('llvm-objdump')
CLANG = shutil.which('clang-14') or shutil.which('clang')
LABEL = re.compile(r'^([0-9a-f]+) <(.*)>:$')
ENTRY = re.compile(r'^ *([0-9a-f]+):')
SECTION = re.compile(r'^ *\[ *\d+\] (\.(?:plt\S*|glink|text)) +PROGBITS ', re.M)

SOURCE = r'''
extern int puts(const char *s), atexit(void (*f)(void)), rand(void), putchar(int c);
static int (*volatile taken)(int) = putchar;
int main(void) { puts("x"); return rand() + atexit((void (*)(void))0) + taken(65) + putchar(66); }
'''
BARE = r'''
extern int one(int), two(int), three(int);
int four(int i) { return one(i) + two(i) * three(i); }
'''
X86 = [  # compiler, its flags
    ['gcc'], ['gcc', '-no-pie'], ['gcc', '-fcf-protection', '-Wl,-z,ibtplt'],
    ['gcc', '-fcf-protection', '-Wl,-z,ibtplt,-z,now'], ['gcc', '-Wl,-z,now'],
    ['gcc', '-fno-plt'], ['gcc', '-Wl,-z,lazy'], ['gcc', '-fuse-ld=gold'],
    ['gcc', '-Wl,-z,bndplt'], ['clang', '-fuse-ld=lld'],
    ['clang', '-fuse-ld=lld', '-fcf-protection', '-Wl,-z,force-ibt'],
]
OTHERS = [f'{m}-gcc' for m in ('i686-linux-gnu', 'aarch64-linux-gnu', 'arm-linux-gnueabihf',
                               'riscv64-linux-gnu', 's390x-linux-gnu',
                               'powerpc64le-linux-gnu')]
CROSS = [[cc, *how] for cc in OTHERS for how in (
    [], ['-no-pie'], ['-Wl,-z,now'],
    ['-marm'] if 'arm-' in cc else ['-s'] if 'powerpc' in cc else ['-fcf-protection'],
    ['-nostdlib', '-shared', '-fPIC'])
    if shutil.which(cc)]
# objdump knows none of lld's stubs of arm
CROSS += [['clang', f'--target={m}', '-nostdlib', '-shared', '-fPIC', '-fuse-ld=lld']
          for m in ('i686-linux-gnu', 'riscv64-linux-gnu', 's390x-linux-gnu',
                    'powerpc64le-linux-gnu')
          if shutil.which(f'{m}-objdump')]
ARM = [[], ['-Wl,-z,force-bti'], ['-Wl,-z,pac-plt'], ['-Wl,-z,force-bti,-z,pac-plt']]


def run(*args):
    return subprocess.run(args, check=True, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL).stdout


def sections(tool, path):
    wanted = ('.glink', '.text') if 'powerpc' in tool else ('.plt', '.plt.sec', '.plt.got')
    return [name for name in SECTION.findall(run('readelf', '-SW', path)) if name in wanted]


def labels(tool, path):
    """Address of each instruction in the sections -> the label above it."""
    told, above = {}, None
    for name in sections(tool, path):
        for line in run(tool, '-d', '-j', name, path).splitlines():
            if m := LABEL.match(line):
                above = m[2]
            elif m := ENTRY.match(line):
                told[int(m[1], 16)] = above
    return told


def ours(turf, path, addrs):
    text = ''.join(f'{a:#x}\n' for a in addrs)
    out = subprocess.run([turf, 'symbolize', '--json', '-e', path], input=text, text=True,
                         stdout=subprocess.PIPE)
    told = {}
    for addr, line in zip(addrs, out.stdout.splitlines()):
        frames = json.loads(line)['frames']
        told[addr] = frames[-1]['function'] if frames else ''
    return told


def check(turf, tool, path, what):
    """Number of differences; stubs of local ifuncs (*ABS*) have no symbol, and no name here."""
    wanted = labels(tool, path)
    told = ours(turf, path, sorted(wanted))
    n = bad = 0
    for addr, label in sorted(wanted.items()):
        named = label.endswith('@plt') and not label.startswith('*ABS*')
        good = told[addr] == label if named else not told[addr].endswith('@plt')
        n += named
        bad += not good
        if not good and bad <= 5:
            print(f'{what}: {addr:#x}: {label!r}, ours {told[addr]!r}')
    print(f'{what}: {n} of {len(wanted)} instructions in stubs with a name, {bad} differences')
    return bad, n


def main():
    turf, files = sys.argv[1], sys.argv[2:]
    if not shutil.which('objdump') or not shutil.which('gcc'):
        sys.exit(77)
    bad = named = 0
    with tempfile.TemporaryDirectory() as folder:
        os.environ['TURF_STORE'] = folder + '/store'
        cases = [('objdump', f, f) for f in files]
        for i, how in enumerate(X86 + CROSS + ARM):
            name, arm = f'{folder}/{i}', i >= len(X86 + CROSS)
            if arm and not LLVM or (arm or how[0] == 'clang') and not CLANG:
                continue
            with open(name + '.c', 'w') as out:
                out.write(BARE if arm or '-nostdlib' in how else SOURCE)
            command = [CLANG, '--target=aarch64-linux-gnu', '-nostdlib', '-shared', '-fPIC',
                       '-fuse-ld=lld', *how] if arm else [*how, '-w']
            command[0] = CLANG if command[0] == 'clang' else command[0]
            try:
                run(*command, '-o', name, name + '.c')
            except subprocess.CalledProcessError:
                print(f'{" ".join(how)}: does not link here')
                continue
            machine = (how + [''])[1].removeprefix('--target=') if 'clang' in how[:1] else \
                ''.join(how[:1]).removesuffix('-gcc')
            tool = f'{machine}-objdump' if how in CROSS else 'objdump'
            cases.append((LLVM if arm else tool, name,
                          ' '.join(['aarch64', *how] if arm else how)))
        for case in cases:
            more, n = check(turf, *case)
            bad += more
            named += n
    print(f'{named} instructions, {bad} differences')
    sys.exit(1 if bad or not named else 0)


main()
