# SPDX-License-Identifier: MIT
"""turf stack on programs of our own: what it shows, and how it says that it cannot."""
import json
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'cli'))
import lib  # noqa: E402

CHAIN = r'''
#include <pthread.h>
#include <signal.h>
#include <unistd.h>
#define CALL __attribute__((noinline, noclone))
#define RETURNS __asm__ volatile("" ::: "memory")
static pthread_barrier_t both;
static inline __attribute__((always_inline)) void inlined(void)
{

	for (ssize_t n = write(1, "r", 1); n == 1;) pause(); /* line 11: wherever it is seen */

}
static CALL void outer(int sig)
{
	(void)sig;
	inlined(); /* line 17 */
	RETURNS;
}
static CALL void *thread(void *arg)
{
	pthread_setname_np(pthread_self(), "a \"\033 name");
	pthread_barrier_wait(&both);
	outer(0);
	RETURNS;
	return arg;
}
int main(void)
{
	pthread_t t;
	pthread_barrier_init(&both, 0, 2);
	pthread_create(&t, 0, thread, 0);
	pthread_barrier_wait(&both);
	signal(SIGUSR1, outer);
	raise(SIGUSR1);
	return 0;
}
'''

# What p, n and text point to has no address; first, unused and last are passed in no call.
SPARED = r'''
#include <unistd.h>
struct pair { long a, b; };
static inline __attribute__((always_inline)) long through(struct pair *p, long *n, const char *text)
{
	long before = p->a + *n + text[0];
	if (write(1, "r", 1) == 1)
		pause();
	*n += p->b;
	return before;
}
static __attribute__((noinline)) long spared(long first, long unused, long last)
{
	if (write(1, "r", 1) == 1)
		pause();
	return first * 3 + last;
}
int main(int argc, char **argv)
{
	struct pair p = { argc, argc + 1 };
	long n = 3, before = argc > 1 ? spared(argc, 5, n) : through(&p, &n, "some text");
	return before + n + argc;
}
'''


class Stack(lib.Case):
    def setUp(self):
        super().setUp()
        self.need_tracing()

    def run_program(self, *command):
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def start(self):
        """A process with two threads, both of them waiting in inlined()."""
        self.program = self.compile('chain', CHAIN, '-pthread', '-D_GNU_SOURCE')
        process = self.run_program(self.program)
        self.assertEqual(process.stdout.read(1), b'r')
        self.assertEqual(process.stdout.read(1), b'r')
        lib.wait_asleep(process.pid) # they may be on their way from write() to pause()
        return process.pid

    def threads(self, pid):
        return sorted(int(tid) for tid in os.listdir(f'/proc/{pid}/task'))

    def test_text(self):
        pid = self.start()
        text = self.good('stack', pid)
        self.assertTrue(text.startswith(f'PID {pid} - process\nTID {pid} "chain":\n#0 '), text)
        self.assertEqual(len(re.findall('^TID ', text, re.M)), 2)
        self.assertIn('"a "? name":', text)
        self.assertEqual(len(re.findall(r'inlined \[inlined\]  \S*chain\.c:11:', text)), 2, text)
        self.assertEqual(len(re.findall(r'outer\+0x\w+  \S*chain\.c:17:', text)), 2, text)
        self.assertEqual(len(re.findall(r'<signal>$', text, re.M)), 1, text)
        self.assertIn('_start+0x', text)
        self.assertNotIn('not complete', text)
        self.assertEqual(text, self.good('stack', '-p', pid))

    def test_without_inlines(self):
        text = self.good('stack', '--no-inlines', self.start())
        self.assertNotIn('inlined', text)
        self.assertEqual(len(re.findall(r'outer\+0x', text)), 2, text)

    def test_json(self):
        pid = self.start()
        stacks = [json.loads(line) for line in self.good('stack', '--json', pid).splitlines()]
        self.assertEqual(sorted(s['tid'] for s in stacks), self.threads(pid))
        for stack in stacks:
            self.assertEqual((stack['pid'], stack['complete']), (pid, True))
            names = [frame.get('function') for frame in stack['frames']]
            at = names.index('inlined')
            self.assertEqual(names[at + 1], 'outer')
            self.assertEqual([f['inlined'] for f in stack['frames'][at:at + 2]], [True, False])
            self.assertEqual([f['line'] for f in stack['frames'][at:at + 2]], [11, 17])
            self.assertEqual(stack['frames'][at]['module'], str(self.program.resolve()))
        self.assertEqual(sorted(s['name'] for s in stacks), ['a "\x1b name', 'chain'])

    def test_locals(self):
        program = self.folder / 'vars'
        source = pathlib.Path(__file__).parent / 'programs/chain.c'
        subprocess.run(['gcc', '-g', '-O0', '-pthread', source, '-o', program], check=True)
        process = self.run_program(program, '2', 'wait')
        while len(self.threads(process.pid)) < 4:
            time.sleep(0.001)
        lib.wait_asleep(process.pid)
        text = self.good('stack', '--locals', process.pid)
        self.assertEqual(sorted(re.findall(r'^        name = (.*)$', text, re.M)),
                         [f'"thr{i}\\000\\000\\000"' for i in range(3)], text)
        stacks = [json.loads(s) for s in
                  self.good('stack', '--locals', '--json', process.pid).splitlines()]
        found = [f for s in stacks for f in s['frames'] if f.get('function') == 'thread'][0]
        self.assertEqual([(v['name'], v['kind'], v['type']) for v in found['locals']],
                         [('arg', 'argument', 'void *'), ('id', 'local', 'long int'),
                          ('name', 'local', 'char[8]')])
        self.assertEqual(found['locals'][0]['value'], hex(int(found['locals'][1]['value'])))

    def values_in(self, process, function):
        os.read(process.stdout.fileno(), 1)
        lib.wait_asleep(process.pid)
        stack = json.loads(self.good('stack', '--locals', '--json', process.pid))
        found = [f for f in stack['frames'] if f.get('function') == function][0]
        return {v['name']: v.get('value', v.get('why')) for v in found['locals']}

    def test_what_is_kept_in_no_memory(self):
        program = self.compile('spared', SPARED)
        pointed = self.values_in(self.run_program(program), 'through')
        self.assertEqual(pointed, {'p': '&{a = 1, b = 2}', 'n': '&3', 'text': '"some text"',
                                   'before': '119'})
        passed = self.values_in(self.run_program(program, 'x'), 'spared')
        self.assertEqual(passed, {'first': '2', 'unused': '5', 'last': '3'})

    def test_one_thread(self):
        pid = self.start()
        for tid in self.threads(pid):
            text = self.good('stack', '--tid', tid, pid)
            self.assertEqual(re.findall(r'^TID (\d+)', text, re.M), [str(tid)])
        result = self.run_turf('stack', '--tid', os.getpid(), pid)
        self.assertEqual((result.returncode, result.stdout), (1, b''))
        self.assertIn(b'has no thread', result.stderr)

    def test_a_stack_cut_short_says_so(self):
        text = self.good('stack', '--max-frames', 2, self.start())
        self.assertEqual(text.count('the stack is not complete: too many frames'), 2)

    def test_the_process_goes_on_as_before(self):
        pid = self.start()
        self.good('stack', pid)
        for tid in self.threads(pid):
            status = pathlib.Path(f'/proc/{pid}/task/{tid}/status').read_text()
            self.assertIn('TracerPid:\t0\n', status)
            self.assertRegex(status, r'State:\t[SR]')

    def make_core(self, pid):
        """What gcore writes of a process, whatever the system does with cores."""
        if not shutil.which('gcore'):
            self.skipTest('no gcore')
        subprocess.run(['gcore', '-o', self.folder / 'core', str(pid)], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return self.folder / f'core.{pid}'

    def frames(self, *args):
        stacks = [json.loads(line) for line in self.good('stack', '--json', *args).splitlines()]
        return {s['tid']: (s['complete'], [(f['pc'], f.get('function'), f.get('line'),
                                            f.get('module'), f.get('build_id'))
                                           for f in s['frames']]) for s in stacks}

    def test_core(self):
        pid = self.start()
        live = self.frames(pid)
        core = self.make_core(pid)
        self.assertEqual(self.frames(core), live)
        self.assertEqual(self.frames('--core', core), live)
        text = self.good('stack', '--build-id', core)
        self.assertIn(f'PID {pid} - core of ', text)
        self.assertEqual(len(re.findall('^TID ', text, re.M)), 2)
        self.assertRegex(text, r'chain\+0x\w+ [0-9a-f]{40}\)')
        for tool in 'zstd', 'lz4':
            if shutil.which(tool):
                packed = self.folder / f'core.{tool}'
                subprocess.run([tool, '-q', core, *(['-o'] if tool == 'zstd' else []), packed],
                               check=True)
                if 'not supported' not in self.run_turf('stack', packed).stderr.decode():
                    self.assertEqual(self.frames(packed), live)

    def test_core_of_a_program_that_is_another_now(self):
        pid = self.start()
        core = self.make_core(pid)
        self.program.unlink()
        text = self.good('stack', core)
        self.assertIn('No such file', text)
        self.compile('chain', CHAIN, '-pthread', '-D_GNU_SOURCE', '-DOTHER', '-O1')
        text = self.good('stack', core)
        self.assertIn('file was replaced', text)
        self.assertNotIn('outer+', text)

    def test_core_by_the_kernel_tells_the_signal(self):
        pattern = pathlib.Path('/proc/sys/kernel/core_pattern').read_text().strip()
        if pattern != 'core':
            self.skipTest('cores are not written here')
        program = self.compile('crash', 'int main(void) { *(volatile int *)24 = 1; return 0; }')
        most = resource.getrlimit(resource.RLIMIT_CORE)[1]
        subprocess.run([program], cwd=self.folder, preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_CORE, (most, most)))
        core = next(self.folder.glob('core*'), None)
        if not core:
            self.skipTest(f'the kernel wrote no core: at most {most} bytes')
        text = self.good('stack', core)
        self.assertIn('ended by SIGSEGV: nothing mapped at 0x18\n', text)
        self.assertRegex(text, r'#0 .* main\+0x')
        self.assertNotIn('not complete', text)
        first = json.loads(self.good('stack', '--json', core).splitlines()[0])
        self.assertEqual((first['signal'], first['fault']), ('SIGSEGV', '0x18'))

    def test_refused(self):
        self.refused('stack', names=['no process given'])
        self.refused('stack', 'x', names=["'x' is no process"])
        self.refused('stack', '/bin/sh', names=['/bin/sh', 'not a core'])
        self.refused('stack', '--core', '/x', names=['/x: No such file'])
        self.refused('stack', '--core', '/x', '-p', 1, names=['one process'])
        self.refused('stack', 0, names=["'0' is no process"])
        self.refused('stack', 1, 2, names=["'2': one process"])
        self.refused('stack', '--tid', 'x', 1, names=["'x' is no thread"])
        gone = subprocess.Popen(['true'])
        gone.wait()
        self.refused('stack', gone.pid, names=[f'process {gone.pid}: there is none'])

    def test_no_right(self):
        if os.geteuid() != 0:
            self.skipTest('takes root to be somebody else')
        pid = self.start()
        other = self.folder / 'other'
        other.mkdir()
        other.chmod(0o777)
        self.refused('stack', '--store', other / 'store', pid, **self.as_nobody(),
                     names=[f'process {pid}: belongs to user 0'])


lib.main()
