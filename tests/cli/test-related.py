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
    def make(self, name, *flags, cwd=None, main=MAIN):
        """A program of three sources, each compiled for itself; the path of the program."""
        cwd = cwd or self.folder
        objects = []
        sources = {'one': SOURCE % {'n': 1}, 'two': SOURCE % {'n': 2}, 'main': main}
        for source, text in sources.items():
            (cwd / (source + '.cc')).write_text(text)
            objects.append(f'{name}-{source}.o')
            subprocess.run(['g++', '-g', '-O2', *flags, '-c', source + '.cc', '-o', objects[-1]],
                           check=True, cwd=cwd)
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
        answers = self.run_turf('symbolize', '--json', '--debug-folder', self.folder / 'debugs',
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


lib.main()
