#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""turf record and turf report on programs that run; skipped where nobody may profile."""
import json
import os
import pathlib
import signal
import subprocess
import sys

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
	double limit = argc > 1 ? atof(argv[1]) : 0.2;
	struct rusage used;
	do {
		again(3);
		getrusage(RUSAGE_SELF, &used);
	} while ((double)used.ru_utime.tv_sec + used.ru_utime.tv_usec / 1e6 < limit);
	return 3;
}
'''


class Record(lib.Case):
    def setUp(self):
        super().setUp()
        self.data = self.folder / 'turf.data'
        result = self.run_turf('record', '-o', self.data, '--', 'true')
        if result.returncode == 2:
            self.skipTest(result.stderr.decode().strip().splitlines()[-1])
        self.data.unlink()

    def record(self, *args):
        result = self.run_turf('record', '-F', 997, '-o', self.data, *args)
        self.assertTrue(self.data.exists(), result.stderr)
        return result

    def report(self):
        return json.loads(self.good('report', '-i', self.data, '--json'))

    def only_file(self):
        self.assertEqual([p.name for p in self.folder.iterdir() if p.name.startswith('turf.data')],
                         ['turf.data'])

    def test_functions_of_a_command(self):
        spin = self.compile('spin', SPIN)
        result = self.record('--', spin)
        self.assertEqual(result.returncode, 3, result.stderr)
        self.only_file()
        report = self.report()
        functions = {f['name']: f for f in report['functions']}
        samples = report['samples']
        self.assertGreater(samples, 20)
        self.assertEqual(functions['innermost']['kind'], 'inlined')
        self.assertGreater(functions['innermost']['self'], samples * 0.6)
        self.assertGreater(functions['leaf']['total'], samples * 0.6)
        # it calls itself: each stack counts once
        self.assertGreater(functions['again']['total'], samples * 0.6)
        self.assertLessEqual(functions['again']['total'], samples)
        self.assertTrue(functions['leaf']['file'].endswith('spin.c'))
        self.assertGreater(report['stats']['stops']['end'], samples * 0.9)
        self.assertEqual({p['name'] for p in report['processes']}, {'spin'})

    def test_all_forms_tell_the_same(self):
        self.record('--', self.compile('spin', SPIN))
        report = self.report()
        folded = self.good('report', '-i', self.data, '--folded').splitlines()
        self.assertEqual(sum(int(line.rsplit(' ', 1)[1]) for line in folded), report['samples'])
        hot = 'main;again;again;again;again;leaf;innermost '
        self.assertTrue(any(hot in line for line in folded), folded)
        text = self.good('report', '-i', self.data, '-n', 3)
        self.assertIn('innermost (inlined)', text)
        self.assertNotIn('(inlined)', self.good('report', '-i', self.data, '--no-inlines'))
        page = self.folder / 'flame.html'
        self.good('report', '-i', self.data, '--html', page)
        self.assertIn('"innermost"', page.read_text())

    def test_second_recording_builds_nothing(self):
        spin = self.compile('spin', SPIN)
        self.assertIn(b' built in ', self.record('--', spin).stderr)
        # a later one may be the first to see ld.so or the vDSO at work, but there is no more
        later = [self.record('--', spin).stderr for _ in range(4)]
        self.assertTrue(any(b'nothing built' in said for said in later), later)

    def test_children_and_exec(self):
        spin = self.compile('spin', SPIN)
        result = self.record('--', 'sh', '-c', f'{spin}; exec {spin}')
        self.assertEqual(result.returncode, 3)
        self.assertEqual(sum(p['name'] == 'spin' for p in self.report()['processes']), 2)

    def test_all_processes(self):
        result = self.run_turf('record', '-a', '-o', self.data, '--', 'true')
        if result.returncode == 2:
            self.skipTest(result.stderr.decode().strip())
        result = self.record('-a', '--', self.compile('spin', SPIN))
        self.assertEqual(result.returncode, 3)
        report = self.report()
        self.assertTrue(report['system_wide'])
        self.assertIn('spin', {p['name'] for p in report['processes']})
        # of a task that has all but ended the kernel no longer tells the process
        self.assertLessEqual({p['name'] for p in report['processes'] if p['pid'] == 0}, {'[ended]'})

    def test_a_running_process_until_it_ends(self):
        spin = subprocess.Popen([self.compile('spin', SPIN), '1'])
        try:
            self.assertEqual(self.record('-p', spin.pid).returncode, 0)
        finally:
            spin.wait()
        self.assertEqual([p['pid'] for p in self.report()['processes']], [spin.pid])

    def test_ctrl_c_keeps_what_there_is(self):
        for signals in (signal.SIGINT, signal.SIGTERM):
            turf = subprocess.Popen(
                [self.turf, 'record', '-o', self.data, '--', 'sh', '-c', 'echo on; exec sleep 60'],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.environment)
            turf.stdout.readline()
            turf.send_signal(signals)
            _, said = turf.communicate(timeout=60)
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
            spin = self.compile('spin', SPIN)
            result = self.run_turf('record', '-F', 997, '-o', self.data, '--', spin,
                                   env=store, **nobody)
            self.assertEqual(result.returncode, 3, result.stderr)


if __name__ == '__main__':
    lib.main()
