#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""turf record and turf report on programs that run; skipped where nobody may profile.

How many samples a machine gives nobody knows: a program runs again, longer, until there are
enough of them, and nothing is asked of how they spread.
"""
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'cli'))
import lib

# Works until it has had SECONDS of processor time, however slow the machine is.
SPIN = r'''
#include <stdlib.h>
#include <sys/resource.h>
volatile unsigned sink;
static inline __attribute__((always_inline)) void innermost(void)
{
	for (int i = 0; i < 100000; i++)
		sink += i;
}
__attribute__((noinline)) void leaf(void)
{
	innermost();
	sink++;
}
__attribute__((noinline)) void again(int n)
{
	if (n)
		again(n - 1);
	else
		leaf();
	sink++;
}
int main(int argc, char **argv)
{
	double limit = argc > 1 ? atof(argv[1]) : 0;
	struct rusage used;
	do {
		again(3);
		getrusage(RUSAGE_SELF, &used);
	} while ((double)used.ru_utime.tv_sec + used.ru_utime.tv_usec / 1e6 < limit);
	return 3;
}
'''


HOT = 'main;again;again;again;again;leaf;innermost'
MOST_RATE = pathlib.Path('/proc/sys/kernel/perf_event_max_sample_rate')


class Record(lib.Case):
    def setUp(self):
        super().setUp()
        self.data = self.folder / 'turf.data'
        result = self.run_turf('record', '-o', self.data, '--', 'true')
        if result.returncode == 2:
            self.skipTest(result.stderr.decode().strip().splitlines()[-1])
        self.data.unlink()

    def record(self, *args, **how):
        again = True
        while again: # the kernel lowers the rate when it is busy
            rate = min(997, int(MOST_RATE.read_text()))
            result = self.run_turf('record', '-F', rate, '-o', self.data, *args, **how)
            again = result.returncode == 2 and MOST_RATE.name.encode() in result.stderr
        self.assertTrue(self.data.exists(), result.stderr)
        return result

    def report(self):
        return json.loads(self.good('report', '-i', self.data, '--json'))

    def folded(self):
        """(stack, samples), innermost function last, the process's name left out"""
        for line in self.good('report', '-i', self.data, '--folded').splitlines():
            stack, n = line.rsplit(' ', 1)
            yield stack.split(';', 1)[-1], int(n)

    def n_hot(self):
        return sum(n for stack, n in self.folded() if HOT in stack)

    def record_until(self, enough, *command, **how):
        """Records @command, which is told the processor time it has to use as its last word,
        until enough() says so."""
        for seconds in 0.2, 1, 5, 25:
            result = self.record(*command[:-1], str(command[-1]).format(seconds), **how)
            self.assertEqual(result.returncode, 3, result.stderr)
            if enough():
                return result
        self.fail(f'too few samples in {seconds} s: {result.stderr}')

    def spin(self):
        return self.compile('spin', SPIN)

    def only_file(self):
        self.assertEqual([p.name for p in self.folder.iterdir() if p.name.startswith('turf.data')],
                         ['turf.data'])

    def test_functions_of_a_command(self):
        self.record_until(lambda: self.n_hot() > 20, '--', self.spin(), '{}')
        self.only_file()
        report, n_hot = self.report(), self.n_hot()
        functions = {f['name']: f for f in report['functions']}
        of_stack = lambda name: sum(n for stack, n in self.folded() if name in stack.split(';'))
        self.assertEqual(functions['innermost']['kind'], 'inlined')
        # wherever it is seen, all that called it is too; and it is where the time goes
        self.assertEqual(functions['innermost']['total'], n_hot)
        self.assertGreater(n_hot, functions['main']['total'] / 2)
        self.assertEqual(functions['innermost']['self'],
                         sum(n for stack, n in self.folded() if stack.endswith(HOT)))
        # again calls itself: each stack counts once
        for name in 'leaf', 'again', 'main':
            self.assertEqual(functions[name]['total'], of_stack(name), name)
        self.assertTrue(functions['leaf']['file'].endswith('spin.c'))
        self.assertGreaterEqual(report['stats']['stops']['end'], n_hot)
        self.assertIn('spin', {p['name'] for p in report['processes']})

    def test_all_forms_tell_the_same(self):
        self.record_until(self.n_hot, '--', self.spin(), '{}')
        self.assertEqual(sum(n for _, n in self.folded()), self.report()['samples'])
        text = self.good('report', '-i', self.data, '-n', 3)
        self.assertIn('innermost (inlined)', text)
        self.assertNotIn('(inlined)', self.good('report', '-i', self.data, '--no-inlines'))
        page = self.folder / 'flame.html'
        self.good('report', '-i', self.data, '--html', page)
        self.assertIn('"innermost"', page.read_text())

    def test_second_recording_builds_nothing(self):
        first = self.record_until(self.n_hot, '--', self.spin(), '{}')
        self.assertIn(b' built in ', first.stderr)
        # a later one may be the first to see ld.so or the vDSO at work, but there is no more
        for _ in range(20):
            said = self.record('--', self.folder / 'spin', 0.2).stderr
            if b'nothing built' in said:
                return
        self.fail(said)

    def test_children_and_exec(self):
        spin = self.spin()
        named = lambda: sum(p['name'] == 'spin' for p in self.report()['processes'])
        self.record_until(lambda: named() >= 2, '--', 'sh', '-c', f'{spin} {{0}}; exec {spin} {{0}}')
        self.assertEqual(named(), 2)

    def test_all_processes(self):
        result = self.run_turf('record', '-a', '-o', self.data, '--', 'true')
        if result.returncode == 2:
            self.skipTest(result.stderr.decode().strip())
        named = lambda: {p['name'] for p in self.report()['processes']}
        self.record_until(lambda: 'spin' in named(), '-a', '--', self.spin(), '{}')
        report = self.report()
        self.assertTrue(report['system_wide'])
        # of a task that has all but ended the kernel no longer tells the process
        self.assertLessEqual({p['name'] for p in report['processes'] if p['pid'] == 0}, {'[ended]'})

    def used(self, pid):
        """Its processor time, in seconds."""
        fields = pathlib.Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')

    def test_a_running_process_until_it_ends(self):
        for seconds in 0.2, 1, 5, 25:
            spin = subprocess.Popen([self.spin(), '1000'])
            turf = subprocess.Popen([self.turf, 'record', '-o', self.data, '-p', str(spin.pid)],
                                    stderr=subprocess.PIPE, env=self.environment)
            try:
                # its second thread empties the buffers once all is set up
                while turf.poll() is None and len(os.listdir(f'/proc/{turf.pid}/task')) < 2:
                    time.sleep(0.001)
                begun = self.used(spin.pid)
                while turf.poll() is None and self.used(spin.pid) < begun + seconds:
                    time.sleep(0.01)
            finally:
                spin.kill()
                spin.wait()
            _, said = turf.communicate(timeout=lib.PATIENCE)
            self.assertEqual(turf.returncode, 0, said)
            pids = [p['pid'] for p in self.report()['processes']]
            if pids:
                break
        self.assertEqual(pids, [spin.pid])

    def test_ctrl_c_keeps_what_there_is(self):
        for signals in (signal.SIGINT, signal.SIGTERM):
            turf = subprocess.Popen(
                [self.turf, 'record', '-o', self.data, '--', 'sh', '-c', 'echo on; exec sleep 60'],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.environment)
            turf.stdout.readline()
            turf.send_signal(signals)
            _, said = turf.communicate(timeout=lib.PATIENCE)
            self.assertEqual(turf.returncode, 0, said)
            self.only_file()
            self.run_turf('report', '-i', self.data)
            self.data.unlink()

    def test_duration_ends_it(self):
        self.assertEqual(self.record('-d', '0.05', '--', 'sleep', 60).returncode, 0)

    def test_status_of_a_killed_command(self):
        self.assertEqual(self.record('--', 'sh', '-c', 'kill -9 $$').returncode, 128 + 9)

    def test_what_cannot_be_recorded(self):
        before = self.folder / 'no' / 'turf.data'
        self.refused('record', '-o', self.data, '--', '/no/such/command', names=['/no/such'])
        self.refused('record', '-o', before, '--', 'true', names=[before])
        self.refused('record', '-o', self.data, '-p', 2**22 + 1, names=[2**22 + 1])
        self.assertFalse(self.data.exists())
        for args in ([], ['-a', '-p', '1'], ['-p', 'x'], ['-F', '0', 'true'],
                     ['--stack', '12', 'true'], ['-d', '-1', 'true'], ['-d', 'nan', 'true']):
            self.refused('record', *args)

    def test_what_cannot_be_reported(self):
        self.refused('report', '-i', self.folder / 'none', names=['none'])
        self.data.write_bytes(b'TURFREC\0' + bytes(40))
        self.refused('report', '-i', self.data, names=[self.data])
        self.refused('report', '--json', '--folded')
        self.refused('report', 'surplus')

    def test_full_disk(self):
        self.record('--', 'true')
        with open('/dev/full', 'w') as full:
            result = subprocess.run([self.turf, 'report', '-i', self.data, '--json'], stdout=full,
                                    stderr=subprocess.PIPE, env=self.environment)
        self.assertEqual(result.returncode, 2)

    def test_who_may_not_is_told_why(self):
        if os.geteuid() != 0:
            self.skipTest('root alone can become somebody else')
        paranoid = int(pathlib.Path('/proc/sys/kernel/perf_event_paranoid').read_text())
        if paranoid < 1:
            self.skipTest('everybody may profile here')
        self.folder.chmod(0o777)
        nobody = self.as_nobody()
        store = dict(self.environment, TURF_STORE=str(self.folder / 'other'))
        self.refused('record', '-a', '-o', self.data, '--', 'true', env=store, **nobody,
                     names=[f'kernel.perf_event_paranoid={paranoid}', 'CAP_PERFMON'])
        if paranoid <= 2:
            self.assertEqual(self.record('--', self.spin(), env=store, **nobody).returncode, 3)


if __name__ == '__main__':
    lib.main()
