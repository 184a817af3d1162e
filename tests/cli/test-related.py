# SPDX-License-Identifier: MIT
"""Further files that a program's DWARF lies in: the answers are those of the program whose DWARF
lies in itself."""
import json
import shutil
import subprocess
import unittest

import lib

SOURCE = r'''
#include <algorithm>
#include <string>
#include <vector>

__attribute__((noinline)) int work%(n)s(const char *text)
{
	std::vector<std::string> words;
	for (std::string word; *text; text++)
		word += *text, words.push_back(word);
	std::sort(words.begin(), words.end());
	return static_cast<int>(words.size() + words.front().size());
}
'''
MAIN = r'''
#include <string>
int work1(const char *text);
int work2(const char *text);
int main(int n, char **names)
{
	std::string name(names[0]);
	return work1(name.c_str()) - work2(names[n - 1]);
}
'''


class Related(lib.Case):
    def make(self, name, *flags, main=MAIN, compiler='g++'):
        """A program of three sources, each compiled for itself; the path of the program."""
        cwd = self.folder
        objects = []
        sources = {'one': SOURCE % {'n': 1}, 'two': SOURCE % {'n': 2}, 'main': main}
        for source, text in sources.items():
            (cwd / (source + '.cc')).write_text(text)
            objects.append(f'{name}-{source}.o')
            subprocess.run([compiler, '-g', '-O2', *flags, '-c', source + '.cc', '-o',
                            objects[-1]], check=True, cwd=cwd)
        subprocess.run(['g++', '-no-pie', *objects, '-o', name], check=True, cwd=cwd)
        return cwd / name

    def addresses(self, program):
        """Every fourth address of all its functions."""
        functions = sorted(lib.symbols(program).values())
        return [hex(addr) for start, size in functions for addr in range(start, start + size, 4)]

    def ask(self, program, addresses):
        return self.run_turf('symbolize', '--json', '-e', program,
                             input='\n'.join(addresses).encode()).stdout

    def nameless(self, answers):
        return sum(not frame.get('function') for line in answers.splitlines()
                   for frame in json.loads(line)['frames'])


@unittest.skipUnless(shutil.which('dwz'), 'there is no dwz')
class Dwz(Related):
    def setUp(self):
        super().setUp()
        self.before = self.make('before')
        self.wanted = self.addresses(self.before)
        self.answers = self.ask(self.before, self.wanted)
        self.assertGreater(self.answers.count(b'"inlined":true'), 100)

    def copy(self, name):
        return shutil.copy(self.before, self.folder / name)

    def share(self, *flags, name='common'):
        """Two programs and what they share, as DWZ makes it."""
        other = self.make('other', main=MAIN.replace('-', '+'))
        one = self.copy('one')
        subprocess.run(['dwz', *flags, '-m', name, one, other], check=True, cwd=self.folder)
        self.assertLess(one.stat().st_size, self.before.stat().st_size)
        return one, self.folder / name

    def test_one_file(self):
        after = self.copy('after')
        subprocess.run(['dwz', after], check=True)
        self.assertLess(after.stat().st_size, self.before.stat().st_size)
        self.assertEqual(self.ask(after, self.wanted), self.answers)

    def test_shared_file(self):
        for flags in [], ['--dwarf-5']:
            one, common = self.share(*flags)
            self.assertEqual(self.ask(one, self.wanted), self.answers, flags)
            common.rename(self.folder / 'elsewhere')
            without = self.ask(one, self.wanted)
            self.assertGreater(self.nameless(without), self.nameless(self.answers))
            (self.folder / 'elsewhere').rename(common)
            self.assertEqual(self.ask(one, self.wanted), self.answers, 'it came back')

    def test_shared_file_by_build_id(self):
        one, common = self.share()
        text = subprocess.run(['readelf', '-n', common], check=True, text=True,
                              stdout=subprocess.PIPE).stdout
        id = text.split('Build ID: ')[1].split()[0]
        place = self.folder / 'debugs/.build-id' / id[:2] / (id[2:] + '.debug')
        place.parent.mkdir(parents=True)
        common.rename(place)
        self.environment['TURF_STORE'] = str(self.folder / 'another')
        answers = self.run_turf('symbolize', '--json', '--debuginfo', self.folder / 'debugs',
                                '-e', one, input='\n'.join(self.wanted).encode()).stdout
        self.assertEqual(answers, self.answers)

    def test_another_shared_file_is_passed_over(self):
        one, common = self.share()
        text = common.read_bytes()
        subprocess.run(['objcopy', '--remove-section', '.note.gnu.build-id', common], check=True)
        self.assertGreater(self.nameless(self.ask(one, self.wanted)),
                           self.nameless(self.answers))
        common.write_bytes(text[:len(text) // 2])
        self.assertGreater(self.nameless(self.ask(one, self.wanted)),
                           self.nameless(self.answers))


class Split(Related):
    FLAGS = [('g++', '-gdwarf-4'), ('g++', '-gdwarf-5'), ('clang++-14', '-gdwarf-4'),
             ('clang++-14', '-gdwarf-5')]

    def text(self, program):
        output = self.folder / 'text'
        subprocess.run(['objcopy', '-O', 'binary', '-j', '.text', program, output], check=True)
        return output.read_bytes()

    def pairs(self):
        """With each compiler and version a program with all its DWARF, and one without."""
        for compiler, flag in self.FLAGS:
            if not shutil.which(compiler):
                continue
            one = self.make('one', flag, compiler=compiler)
            two = self.make('two', flag, '-gsplit-dwarf', compiler=compiler)
            self.assertEqual(self.text(one), self.text(two))
            self.wanted = self.addresses(one)
            answers = self.ask(one, self.wanted)
            self.assertGreater(answers.count(b'"inlined":true'), 100)
            yield (compiler, flag), answers, two

    def check_missing(self, without, answers, how):
        """Fewer inlined calls; of all else the innermost lines and the symbols."""
        self.assertLess(without.count(b'"inlined":true'), answers.count(b'"inlined":true'), how)
        for less, full in zip(without.splitlines(), answers.splitlines()):
            less, full = (json.loads(line)['frames'] for line in (less, full))
            if full[0].get('line'): # else the scope alone was known
                self.assertEqual([less[0].get(key) for key in ('file', 'line', 'column')],
                                 [full[0].get(key) for key in ('file', 'line', 'column')], how)
            self.assertTrue(less[-1].get('function') or less[-1].get('linkage_name'), how)

    def test_files_beside_the_objects(self):
        for how, answers, program in self.pairs():
            self.assertEqual(self.ask(program, self.wanted), answers, how)
            # moved together: found from the program's folder
            away = self.folder / 'away'
            away.mkdir()
            for path in [program, *self.folder.glob('two-*.dwo')]:
                path.rename(away / path.name)
            shutil.rmtree(self.store)
            self.assertEqual(self.ask(away / 'two', self.wanted), answers, how)
            # one is missing, then of another build, then there again
            dwo = away / 'two-one.dwo'
            whole = dwo.read_bytes()
            dwo.unlink()
            without = self.ask(away / 'two', self.wanted)
            self.check_missing(without, answers, how)
            shutil.copy(away / 'two-two.dwo', dwo)
            self.assertEqual(self.ask(away / 'two', self.wanted), without, how)
            dwo.write_bytes(whole[:-100])
            self.assertEqual(self.ask(away / 'two', self.wanted), without, how)
            dwo.write_bytes(whole)
            self.assertEqual(self.ask(away / 'two', self.wanted), answers, how)
            shutil.rmtree(away)

    @unittest.skipUnless(shutil.which('llvm-dwp-19'), 'there is no llvm-dwp-19')
    def test_package(self):
        for how, answers, program in self.pairs():
            package = self.folder / 'two.dwp'
            try: # it may look for a free slot for ever
                subprocess.run(['llvm-dwp-19', '-e', program, '-o', package], check=True,
                               cwd=self.folder, timeout=5)
            except subprocess.TimeoutExpired:
                continue
            for path in self.folder.glob('two-*.dwo'):
                path.unlink()
            self.assertEqual(self.ask(program, self.wanted), answers, how)
            package.write_bytes(package.read_bytes()[:5000])
            self.check_missing(self.ask(program, self.wanted), answers, how)
            package.unlink()
            self.check_missing(self.ask(program, self.wanted), answers, how)

    @unittest.skipUnless(all(map(shutil.which, ('clang++-14', 'ld.lld-14', 'llvm-dwp-19'))),
                         'there is no clang++-14, ld.lld-14 or llvm-dwp-19')
    def test_references_between_units(self):
        """Optimized as a whole, all units are in one .dwo file and refer to each other."""
        def link(name, *flags):
            subprocess.run(['clang++-14', '-O2', '-g', '-flto=full', '-fuse-ld=lld-14', *flags,
                            'calls.cc', 'called.cc', '-o', name], check=True, cwd=self.folder)
            return self.folder / name
        (self.folder / 'calls.cc').write_text(
            'int called(int); int main(int n, char **) { return called(n) + called(n + 1); }')
        (self.folder / 'called.cc').write_text(
            'volatile int sink; int called(int n) { sink = n; while (n--) sink += n; '
            'return sink; }')
        one = link('one')
        two = link('two', '-gsplit-dwarf', '-Wl,-plugin-opt=dwo_dir=' + str(self.folder / 'dwo'),
                   '-Wl,-mllvm,-split-dwarf-cross-cu-references')
        self.assertEqual(self.text(one), self.text(two))
        answers = self.ask(one, self.addresses(one))
        self.assertGreater(answers.count(b'"called"'), 5)
        self.assertEqual(self.ask(two, self.addresses(one)), answers)
        # another file's unit comes first in the package
        subprocess.run(['clang++-14', '-g', '-gsplit-dwarf', '-c', 'called.cc', '-o', 'first.o'],
                       check=True, cwd=self.folder)
        subprocess.run(['llvm-dwp-19', 'first.dwo', 'dwo/0.dwo', '-o', 'two.dwp'], check=True,
                       cwd=self.folder)
        shutil.rmtree(self.folder / 'dwo')
        self.assertEqual(self.ask(two, self.addresses(one)), answers)


lib.main()
