# SPDX-License-Identifier: MIT
"""What the tests of the command share: running it, things to run it on, TAP."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

LIBC = pathlib.Path('/lib/x86_64-linux-gnu/libc.so.6')
NOBODY = 65534
PATIENCE = 600 # seconds after which a command hangs, however busy the machine is

FIXTURE = r'''
volatile int sink;
static inline __attribute__((always_inline)) void innermost(int i)
{
	sink = i * 3; /* line 5 */
}
static inline __attribute__((always_inline)) void middle(int i)
{
	innermost(i + 1); /* line 9 */
}
__attribute__((noinline)) void outermost(int i)
{
	middle(i); /* line 13 */
	sink++;
}
int main(void)
{
	outermost(1);
	return 0;
}
'''


class Case(unittest.TestCase):
    """A test with a folder and a store of its own."""
    turf = None

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix='turf-test-'))
        self.addCleanup(self.remove)
        self.folder.chmod(0o755)
        self.store = self.folder / 'store'
        self.environment = dict(os.environ, TURF_STORE=str(self.store), LC_ALL='C')

    def remove(self):
        for folder, _, _ in os.walk(self.folder): # some are read-only by now
            os.chmod(folder, 0o755)
        shutil.rmtree(self.folder)

    def run_turf(self, *args, **how):
        how = {'stdin': subprocess.DEVNULL, 'env': self.environment, **how}
        if 'input' in how:
            del how['stdin']
        return subprocess.run([self.turf, *map(str, args)], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=PATIENCE, **how)

    def good(self, *args, **how):
        """Runs turf, which must exit with 0 and have nothing to complain of; its output."""
        result = self.run_turf(*args, **how)
        self.assertEqual((result.returncode, result.stderr), (0, b''))
        return result.stdout.decode(errors='replace')

    def refused(self, *args, names=(), **how):
        """Runs turf, which must exit with 2 and say why in one line that has all of @names. What
        the machine does not let it do it may note first."""
        result = self.run_turf(*args, **how)
        lines = result.stderr.decode(errors='replace').splitlines(keepends=True)
        text = ''.join(line for line in lines if ': note: ' not in line)
        where = f'{args}: {text!r}'
        self.assertEqual(result.returncode, 2, where)
        self.assertEqual(text.count('\n'), 1, where)
        self.assertTrue(text.startswith('turf'), where)
        for name in names:
            self.assertIn(str(name), text)
        return text

    def as_nobody(self):
        """Arguments of run_turf() for a user who may do little, and may not see our home: turf
        is copied to where all may run it."""
        turf = self.folder / 'turf'
        shutil.copy(self.turf, turf)
        self.turf = str(turf)
        if os.geteuid() != 0:
            return {}
        return {'user': NOBODY, 'group': NOBODY, 'extra_groups': []}

    def compile(self, name='fixture', source=FIXTURE, *flags):
        path = self.folder / (name + '.c')
        path.write_text(source)
        output = self.folder / name
        subprocess.run(['gcc', '-g', '-O2', '-no-pie', *flags, path.name, '-o', output],
                       check=True, cwd=self.folder)
        return output

    def need_tracing(self):
        """Skips where one child of ours may not trace another."""
        target = subprocess.Popen(['sleep', '1000'])
        self.addCleanup(target.wait)
        self.addCleanup(target.kill)
        seize = f'import ctypes; print(ctypes.CDLL(None).ptrace(0x4206, {target.pid}, None, None))'
        told = subprocess.run([sys.executable, '-c', seize], stdout=subprocess.PIPE, text=True)
        if told.stdout != '0\n':
            self.skipTest('tracing is not permitted')

    def urf_of(self, elf, name='out.urf'):
        output = self.folder / name
        self.good('index', '-o', output, elf)
        return output


def wait_asleep(pid, running=0):
    """Until all threads of a process sleep, but for those known to go on @running."""
    while True:
        stats = [pathlib.Path(f'/proc/{pid}/task/{tid}/stat').read_text()
                 for tid in os.listdir(f'/proc/{pid}/task')]
        awake = [stat for stat in stats if stat.rsplit(')', 1)[1].split()[0] != 'S']
        if len(awake) <= running:
            return
        time.sleep(0.001)


def symbols(path, *options):
    """The function symbols of an ELF file: name -> (address, size)."""
    text = subprocess.run(['nm', '-S', *options, path], check=True, text=True,
                          stdout=subprocess.PIPE).stdout
    fields = [line.split() for line in text.splitlines()]
    return {f[3].split('@')[0]: (int(f[0], 16), int(f[1], 16)) for f in fields
            if len(f) == 4 and f[2] in 'tTwWi'}


class Tap(unittest.TestResult):
    n = 0

    def tell(self, ok, test, text=''):
        self.n += 1
        print(f"{'ok' if ok else 'not ok'} {self.n} - {test.id().split('.', 1)[-1]}{text}")
        sys.stdout.flush()

    def addSuccess(self, test):
        super().addSuccess(test)
        self.tell(True, test)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.tell(True, test, f' # SKIP {reason}')

    def explain(self, test, error):
        self.tell(False, test)
        print(self._exc_info_to_string(error, test), file=sys.stderr) # Meson shows that

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self.explain(test, error)

    def addError(self, test, error):
        super().addError(test, error)
        self.explain(test, error)

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error:
            self.explain(subtest, error)


def main():
    """Runs all tests of the program; its argument is the turf to test."""
    Case.turf = str(pathlib.Path(sys.argv[1]).resolve())
    result = Tap()
    unittest.defaultTestLoader.loadTestsFromModule(sys.modules['__main__']).run(result)
    print(f'1..{result.n}')
    sys.exit(not result.wasSuccessful())
