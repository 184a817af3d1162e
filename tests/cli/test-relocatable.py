# SPDX-License-Identifier: MIT
"""Relocatable objects: every address of them beside eu-addr2line's answer."""
import json
import re
import shutil
import subprocess

import lib

SOURCE = r'''
static inline __attribute__((always_inline)) int inner(int i) { return i * 7; }
static int hidden(int i)
{
	return inner(i) + 1;
}
int (*pointer)(int) = hidden;
_Thread_local int local;
__attribute__((section(".text.other"), noinline)) int other(int i)
{
	local = i;
	return inner(i + 1);
}
__attribute__((cold, noinline)) int seldom(int i)
{
	return i + local;
}
int function(int i)
{
	return other(i) +
		seldom(i) * pointer(3);
}
'''


class Relocatable(lib.Case):
    def make(self, *command):
        source = self.folder / 'object.c'
        source.write_text(SOURCE)
        output = self.folder / 'object.o'
        subprocess.run([*command, '-O2', '-c', source, '-o', output], check=True)
        return output

    def end(self, path):
        """An address behind all that is placed."""
        text = subprocess.run(['readelf', '-SW', path], check=True, text=True,
                              stdout=subprocess.PIPE).stdout
        return sum(int(size, 16) + 64 for size in
                   re.findall(r'(?:PROGBITS|NOBITS) +0+ \S+ (\S+) \S+ +\w*A', text))

    def ours(self, path, addrs):
        text = ''.join(f'{a:#x}\n' for a in addrs).encode()
        result = self.run_turf('symbolize', '--json', '-e', path, input=text)
        self.assertEqual(result.stderr, b'')
        for line in result.stdout.splitlines():
            frames = json.loads(line)['frames']
            if not frames:
                yield '??', '??:0'
            else:
                f = frames[0]
                yield (f.get('function', '??'),
                       f"{f['file']}:{f['line']}" if 'line' in f else '??:0')

    def theirs(self, path, addrs):
        lines = subprocess.run(['eu-addr2line', '-f', '-e', path, *map(hex, addrs)], check=True,
                               text=True, stdout=subprocess.PIPE).stdout.splitlines()
        for name, place in zip(lines[::2], lines[1::2]):
            yield name.split(' inlined at ')[0], re.sub(r'^(.*:\d+):\d+.*$', r'\1', place)

    def check(self, *command):
        """Where we have a line, elfutils has it; where it has one, so have we."""
        path = self.make(*command)
        addrs = range(self.end(path))
        seen = set()
        for addr, mine, other in zip(addrs, self.ours(path, addrs), self.theirs(path, addrs)):
            if other[1] == '??:0' and mine[1] == '??:0':
                continue
            if mine[1] == '??:0': # padding behind a function
                self.assertNotIn('inner', other[0])
                continue
            self.assertEqual(mine, other, f'{command}: {addr:#x}')
            seen.add(mine[0])
        self.assertEqual(seen - {'??'}, {'inner', 'hidden', 'other', 'seldom', 'function'}, command)

    def test_gcc(self):
        for version in ('-gdwarf-4', '-gdwarf-5'):
            for more in ([], ['-gz'], ['-ffunction-sections'], ['-mcmodel=large']):
                self.check('gcc', version, *more)

    def test_clang(self):
        if not shutil.which('clang'):
            self.skipTest('no clang')
        for version in ('-gdwarf-4', '-gdwarf-5'):
            # elfutils finds no unit in an object without .debug_aranges
            for more in ([], ['--target=aarch64-linux-gnu']):
                self.check('clang', version, '-gdwarf-aranges', *more)

    def test_unwind_rows(self):
        path = self.make('gcc', '-g')
        told = json.loads(self.good('index', '--json', path))
        self.assertGreaterEqual(told['rows'], 5)
        self.assertGreaterEqual(told['functions'], 5) # one that is inlined counts too

    def test_a_separate_debug_file(self):
        path = self.make('gcc', '-g')
        wanted = list(self.ours(path, range(0x60)))
        debug = self.folder / 'object.debug'
        subprocess.run(['objcopy', '--only-keep-debug', path, debug], check=True)
        subprocess.run(['strip', '-g', path], check=True)
        self.assertNotEqual(list(self.ours(path, range(0x60))), wanted)
        subprocess.run(['objcopy', f'--add-gnu-debuglink={debug}', path], check=True)
        self.assertEqual(list(self.ours(path, range(0x60))), wanted)


lib.main()
