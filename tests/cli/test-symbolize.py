# SPDX-License-Identifier: MIT
"""turf symbolize: what it tells of addresses."""
import json
import os
import random
import shutil
import subprocess
import unittest

import lib


def inline_store(fixture):
    """Address of an instruction of innermost(), which is inlined twice over."""
    start, size = lib.symbols(fixture)['outermost']
    text = subprocess.run(['objdump', '-dl', '--no-show-raw-insn',
                           f'--start-address={start}', f'--stop-address={start + size}',
                           fixture], check=True, text=True, stdout=subprocess.PIPE).stdout
    at = text.split('fixture.c:5', 1)[1]
    return next(int(line.split(':')[0], 16) for line in at.splitlines()
                if line.startswith('  ') and ':\t' in line)


class Symbolize(lib.Case):
    def test_an_inline_chain(self):
        fixture = self.compile()
        addr = inline_store(fixture)
        source = self.folder / 'fixture.c'
        self.assertRegex(self.good('symbolize', '-e', fixture, hex(addr)),
                         rf'^innermost\n{source}:5:\d+\nmiddle\n{source}:9:\d+\n'
                         rf'outermost\n{source}:13:\d+\n\n$')
        told = json.loads(self.good('symbolize', '-e', fixture, '--json', f'{addr:X}'))
        self.assertEqual(told['address'], hex(addr))
        self.assertEqual([(f['function'], f['line'], f['inlined']) for f in told['frames']],
                         [('innermost', 5, True), ('middle', 9, True),
                          ('outermost', 13, False)])
        self.assertEqual({f['file'] for f in told['frames']}, {str(source)})

    def test_an_urf_of_the_address_part_does_as_well(self):
        fixture = self.compile()
        os.utime(fixture, (0, 0))
        addr = hex(inline_store(fixture))
        self.good('index', '--hot', fixture)
        urfs = lambda: sorted((self.store / 'urf').iterdir())
        hot = urfs()
        self.assertEqual(len(hot), 1)
        link = self.folder / 'addr2line'
        link.symlink_to(self.turf)
        told = self.good('symbolize', '-e', fixture, addr)
        subprocess.run([link, '-e', fixture, addr], check=True, env=self.environment,
                       stdout=subprocess.DEVNULL)
        self.assertEqual(urfs(), hot)
        self.good('lookup', '-e', fixture, 'main') # needs names: the whole one is built
        self.assertEqual(len(urfs()), 2)
        hot[0].unlink()
        self.assertEqual(told, self.good('symbolize', '-e', fixture, addr))
        self.assertEqual(len(urfs()), 1)

    def test_discriminators_where_they_are_asked_for(self):
        source = 'int f(int);\nint main(int c, char **v)' \
                 '{ for (int i = 0; i < c; i++) c += f(i) ? f(c) : f(i + c); return c; }\n' \
                 'int __attribute__((noinline)) f(int i) { return i; }\n'
        program = self.compile('blocks', source)
        start, size = lib.symbols(program)['main']
        addrs = [hex(a) for a in range(start, start + size)]
        plain = self.good('symbolize', '--json', '-e', program, *addrs)
        self.assertNotIn('discriminator', plain)
        told = self.good('symbolize', '--json', '--discriminators', '-e', program, *addrs)
        by_binutils = subprocess.run(['/usr/bin/addr2line', '-e', program, *addrs], check=True,
                                     text=True, stdout=subprocess.PIPE).stdout.splitlines()
        wanted = [int(line.split('(discriminator ')[1][:-1]) if '(disc' in line else 0
                  for line in by_binutils]
        self.assertTrue(any(wanted))
        self.assertEqual([json.loads(line)['frames'][0].get('discriminator', 0)
                          for line in told.splitlines()], wanted)
        self.refused('symbolize', '--discriminators', '-e', program, '1', names=['--json'])

    def test_an_urf_answers_like_its_source(self):
        fixture = self.compile()
        urf = self.urf_of(fixture)
        addrs = [hex(a) for a, _ in lib.symbols(fixture).values()]
        self.assertEqual(self.good('symbolize', '-e', urf, *addrs),
                         self.good('symbolize', '-e', fixture, *addrs))

    def test_addresses_from_input_and_arguments_are_alike(self):
        fixture = self.compile()
        addrs = [hex(a) for a, _ in lib.symbols(fixture).values()]
        wanted = self.good('symbolize', '-e', fixture, *addrs)
        for text in ('\n'.join(addrs), '\n'.join(addrs) + '\n', '\r\n'.join(addrs),
                     '\n\n'.join(f' \t{a[2:].upper()} ' for a in addrs)):
            self.assertEqual(self.good('symbolize', '-e', fixture, input=text.encode()), wanted)

    def test_unknown_addresses(self):
        fixture = self.compile()
        result = self.run_turf('symbolize', '-e', fixture, '1', 'ffffffffffffffff')
        self.assertEqual((result.returncode, result.stdout, result.stderr),
                         (1, b'??\n??:0:0\n\n' * 2, b''))
        result = self.run_turf('symbolize', '--json', '-e', fixture, '1')
        self.assertEqual((result.returncode, result.stdout),
                         (1, b'{"address":"0x1","frames":[]}\n'))
        main = hex(lib.symbols(fixture)['main'][0])
        self.assertIn('main\n', self.good('symbolize', '-e', fixture, '1', main))

    def test_wrong_addresses(self):
        fixture = self.compile()
        for addr in ('', 'x', '0x', 'main', '10000000000000000', '-1', '+1', '1 2'):
            self.refused('symbolize', '-e', fixture, '--', addr, names=[f"'{addr}'"])
        self.refused('symbolize', '-e', fixture, input=b'1\nmain\n2\n', names=["'main'"])
        self.refused('symbolize', '-e', fixture, input=b'1' * 300000, names=['too long'])

    def test_a_coprocess_is_answered_line_by_line(self):
        fixture = self.compile()
        main = hex(lib.symbols(fixture)['main'][0])
        with subprocess.Popen([self.turf, 'symbolize', '-e', fixture], text=True,
                              env=self.environment, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as child:
            for _ in range(3):
                child.stdin.write(main + '\n')
                child.stdin.flush()
                self.assertEqual(child.stdout.readline(), 'main\n')
                self.assertRegex(child.stdout.readline(), r'fixture.c:1[78]:\d+\n$')
                self.assertEqual(child.stdout.readline(), '\n')
            child.stdin.close()
            self.assertEqual(child.wait(), 0)

    def test_many_addresses(self):
        fixture = self.compile()
        start, size = lib.symbols(fixture)['outermost']
        addrs = [start + i % size for i in range(100000)]
        text = '\n'.join(map(hex, addrs)).encode()
        answers = self.good('symbolize', '-e', fixture, input=text).split('\n\n')
        self.assertEqual((len(answers), answers[-1]), (100001, ''))
        for i in range(0, 100000, 9999):
            self.assertEqual(answers[i], answers[i % size])

    def test_names_of_any_bytes_are_json(self):
        odd = self.compile('odd', lib.FIXTURE.replace('outermost', 'an_odd_name'))
        addr = lib.symbols(odd)['an_odd_name'][0]
        odd.write_bytes(odd.read_bytes().replace(b'an_odd_name', b'"\\\xff\xc3\xa9\t\x01\xed\xa0e!'))
        frames = json.loads(self.good('symbolize', '-e', odd, '--json', hex(addr)))['frames']
        self.assertEqual(frames[-1]['function'], '"\\\ufffd\u00e9\t\x01\ufffd\ufffde!')

    def test_many_are_answered_in_the_order_of_the_questions(self):
        """As many as several threads share give what a few at a time give."""
        pick = random.Random(2)
        functions = sorted(lib.symbols(lib.LIBC, '-D').values())
        start, end = functions[0][0], functions[-1][0]
        lines = [b'%#x\n' % pick.randrange(start, end) for _ in range(40000)]
        lines[5] = lines[35000] = b'0\n'
        lines[7] = lines[35001] = b'ffffffffffffffff\n'
        for options in ([], ['--json'], ['--no-demangle']):
            ask = ['symbolize', '-e', lib.LIBC, *options]
            few = [self.good(*ask, input=b''.join(lines[i:i + 1000]))
                   for i in range(0, len(lines), 1000)]
            self.assertEqual(self.good(*ask, input=b''.join(lines)), ''.join(few))

    def test_many_names_are_demangled_as_few_are(self):
        """More questions than are sorted at once, of functions whose names are long and not."""
        calls = ''.join('f<%d, Of<%d> >(argc);' % (i, i % 7) for i in range(300))
        source = ('template <int> struct Of {};'
                  'extern "C" __attribute__((noinline)) void plain() { asm volatile(""); }'
                  'template <int n, class T> __attribute__((noinline)) void f(int i)'
                  '{ asm volatile("" :: "r"(i + n)); }'
                  'int main(int argc, char **) { plain(); %s }' % calls)
        fixture = self.compile('names', source, '-x', 'c++')
        addrs = [at + size // 2 for name, (at, size) in lib.symbols(fixture).items()
                 if '1f' in name or name in ('main', 'plain')]
        self.assertGreater(len(addrs), 300)
        picked = random.Random(3).choices(range(len(addrs)), k=140000)
        text = ''.join('%x\n' % addrs[i] for i in picked).encode()
        for options in ([], ['--no-demangle']):
            ask = ['symbolize', '-e', fixture, *options]
            few = self.good(*ask, *map(hex, addrs)).split('\n\n')
            self.assertEqual(self.good(*ask, input=text),
                             ''.join(few[i] + '\n\n' for i in picked))

    def test_long_names_stand_where_they_belong(self):
        long = 'long_' * 100
        fixture = self.compile('long', lib.FIXTURE.replace('outermost', long))
        addrs = [hex(lib.symbols(fixture)[name][0]) for name in (long, 'main')]
        text = '\n'.join(addrs * 3000).encode()
        self.assertEqual(self.good('symbolize', '-e', fixture, input=text),
                         self.good('symbolize', '-e', fixture, *addrs) * 3000)

    def test_damage_is_told_to_many(self):
        """Whatever is damaged, and whoever of several threads finds it."""
        fixture, urf = self.compile(), self.folder / 'damaged.urf'
        self.good('index', '-o', urf, fixture)
        start, size = lib.symbols(fixture)['outermost']
        text = b''.join(b'%#x\n' % (start + i % size) for i in range(5000))
        sound, told = urf.read_bytes(), 0
        for at in range(len(sound) // 8, len(sound), len(sound) // 64):
            urf.write_bytes(sound[:at] + b'\xff' * 64 + sound[at + 64:])
            result = self.run_turf('symbolize', '-e', urf, input=text)
            self.assertEqual(result.returncode == 2, result.stderr != b'', at)
            self.assertIn(result.returncode, (0, 1, 2), at)
            self.assertLess(result.stdout.count(b'\n\n'), 5001, at)
            told += b'the image is damaged' in result.stderr
        self.assertGreater(told, 0)

    def test_full_output_is_an_error(self):
        with open('/dev/full', 'wb') as full:
            result = subprocess.run([self.turf, 'symbolize', '-e', self.compile(), '1'],
                                    env=self.environment, stdout=full, stderr=subprocess.PIPE)
        self.assertEqual(result.returncode, 2)
        self.assertIn(b'No space left', result.stderr)

    def oracle(self, path, addrs):
        """Frames as another program knows them: [(function, file, line), ...] an address."""
        text = subprocess.run(['llvm-symbolizer-19', '--no-demangle', '--functions=short', '-e', path],
                              input='\n'.join(map(hex, addrs)), check=True, text=True,
                              stdout=subprocess.PIPE).stdout
        return self.parse(text)

    @staticmethod
    def parse(text):
        answers = []
        for answer in text.split('\n\n')[:-1]:
            lines = answer.strip('\n').split('\n')
            answers.append([(lines[i], *lines[i + 1].rsplit(':', 2)[:2])
                            for i in range(0, len(lines) - 1, 2)])
        return answers

    @unittest.skipUnless(shutil.which('llvm-symbolizer-19'), 'there is no llvm-symbolizer-19')
    def test_libc_as_another_symbolizer_knows_it(self):
        pick = random.Random(1)
        functions = sorted(lib.symbols(lib.LIBC, '-D').values())
        addrs = [a + pick.randrange(size) for a, size in functions if size][:2000]
        wanted = self.oracle(lib.LIBC, addrs)
        told = self.parse(self.good('symbolize', '-e', lib.LIBC,
                                    input='\n'.join(map(hex, addrs)).encode()))
        self.assertEqual(len(told), len(wanted))
        differ = [(hex(a), w, t) for a, w, t in zip(addrs, wanted, told) if w != t]
        self.assertLess(len(differ), len(addrs) // 100, differ[:3])


lib.main()
