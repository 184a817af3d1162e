# SPDX-License-Identifier: MIT
"""What the benchmarks share: runs in turn (A B A B ...), medians, ratios pair by pair."""
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time

LIBC = "/lib/x86_64-linux-gnu/libc.so.6"
PYTHON = "/usr/bin/python3.11"


def tool(*names):
    """The first of @names that is installed, or None."""
    return next((p for p in map(shutil.which, names) if p), None)


def run_once(command, stdin=os.devnull):
    """(wall seconds, peak resident kB) of one run whose output is thrown away."""
    with open(stdin, "rb") as source, open(os.devnull, "wb") as null:
        files = [(os.POSIX_SPAWN_DUP2, source.fileno(), 0),
                 (os.POSIX_SPAWN_DUP2, null.fileno(), 1),
                 (os.POSIX_SPAWN_DUP2, null.fileno(), 2)]
        begin = time.perf_counter()
        pid = os.posix_spawn(command[0], command, os.environ, file_actions=files)
        _, status, usage = os.wait4(pid, 0)
        seconds = time.perf_counter() - begin
    if os.waitstatus_to_exitcode(status) not in (0, 1):
        sys.exit(f"{' '.join(command)}: exit status {os.waitstatus_to_exitcode(status)}")
    return seconds, usage.ru_maxrss


def peak(kb):
    """A child begins as a copy of us, so a peak below our own cannot be seen."""
    ours = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return f"{kb:9,} kB" if kb > ours * 1.2 else f"< {ours // 1024 + 1} MB".rjust(12)


def duration(seconds):
    return f"{seconds * 1000:.2f} ms" if seconds < 1 else f"{seconds:.2f} s"


def paired(title, contenders, runs=20, stdin=os.devnull, per_second=None):
    """Runs all contenders in turn and prints each one's median, and its ratio to the first's.

    @contenders: [(name, command)], ours first; a command of None is a tool that is not there.
    @per_second: how many items one run works on, to print a rate.
    """
    there = [(n, c) for n, c in contenders if c and c[0]]
    times = {name: [] for name, _ in there}
    memory = {}
    for name, command in there:
        run_once(command, stdin)
    for _ in range(runs):
        for name, command in there:
            seconds, kb = run_once(command, stdin)
            times[name].append(seconds)
            memory[name] = max(memory.get(name, 0), kb)
    print(f"\n{title}  ({runs} runs of each, in turn; medians)")
    ours = there[0][0]
    for name, _ in contenders:
        if name not in times:
            print(f"  {name:28} not installed")
            continue
        median = statistics.median(times[name])
        ratio = statistics.median(b / a for a, b in zip(times[ours], times[name]))
        rate = f"{per_second / median:12,.0f}/s" if per_second else ""
        print(f"  {name:28} {duration(median):>10} {rate:>14} {peak(memory[name])}"
              f"  {'' if name == ours else f'{ratio:7.1f} x ours'}")
    return times


def output(command, **more):
    return subprocess.run(command, capture_output=True, text=True, **more).stdout
