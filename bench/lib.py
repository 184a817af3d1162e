# SPDX-License-Identifier: MIT
"""What the benchmarks share: their inputs, runs in turn (A B A B ...), medians, ratios.

Each is called as bench/NAME [--quick] [--cache DIR] [--json FILE] TURF. Inputs are files with all
their debug info inside and uncompressed, which every peer can read; they are made of what Debian
installs, once, in the cache folder. Figures are of files in the page cache.
"""
import argparse
import contextlib
import functools
import json
import os
import random
import resource
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

LIBC = "/lib/x86_64-linux-gnu/libc.so.6"
PYTHON = "/usr/bin/python3.11"
CEPH = "/usr/bin/ceph-mon"
# seconds after which a store believes that a file which looks the same is the same
SETTLED = 3
TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def tool(*names):
    """The first of @names that is installed, or None."""
    return next((p for p in map(shutil.which, names) if p), None)


LLVM = tool("llvm-symbolizer-19")
GSYM = tool("llvm-gsymutil-19")
EU = tool("eu-addr2line")
BINUTILS = tool("addr2line")


def output(command, **more):
    return subprocess.run(command, capture_output=True, text=True, **more).stdout


# What is measured, and where.

class Bench:
    """One run of one benchmark: its options, a scratch folder on the cache's disk, figures."""

    def __init__(self, description):
        parser = argparse.ArgumentParser(description=description.splitlines()[0])
        parser.add_argument("--quick", action="store_true", help="libc and python3.11 only")
        parser.add_argument("--cache", metavar="DIR", help="where inputs are kept",
                            default=os.path.join(os.environ.get("XDG_CACHE_HOME") or
                                                 os.path.expanduser("~/.cache"), "turf-bench"))
        parser.add_argument("--json", metavar="FILE", help="write the figures there, too")
        parser.add_argument("--only", metavar="INPUT", action="append",
                            help="this input only: libc, python, ceph-mon, vmlinux")
        parser.add_argument("turf", nargs="?", default=os.path.join(TOP, "build/turf"))
        self.options = parser.parse_args()
        self.turf = os.path.abspath(self.options.turf)
        if not os.path.exists(self.turf):
            parser.error(f"{self.turf} is not there")
        self.figures = []

    def __enter__(self):
        os.makedirs(self.options.cache, exist_ok=True)
        self.folder = tempfile.mkdtemp(prefix="run-", dir=self.options.cache)
        os.environ["TURF_STORE"] = os.path.join(self.folder, "store")
        with contextlib.suppress(PermissionError): # what else runs disturbs less
            os.setpriority(os.PRIO_PROCESS, 0, -10)
        print("load of the machine before: %.2f" % os.getloadavg()[0], flush=True)
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder)
        if self.options.json:
            with open(self.options.json, "w") as f:
                json.dump(self.figures, f, indent=1)

    def figure(self, **fields):
        self.figures.append(fields)

    def path(self, name):
        return os.path.join(self.folder, name)

    def inputs(self):
        """What is to be measured and is there; says what is not."""
        names = ["libc", "python"] + ([] if self.options.quick else ["ceph-mon", "vmlinux"])
        for name in self.options.only or names:
            found = find_input(name, self.options.cache)
            if found:
                yield found
            else:
                print(f"\n{name}: not installed with its debug info (tools/setup bench)")


@dataclass
class Input:
    name: str
    whole: str     # path of the file with all debug info inside, uncompressed
    installed: str # path of the file as the distribution installs it
    debug: str     # path of its separate debug file, or None


def debug_file(path):
    """Where the debug file of an ELF file is, by its build-id; None: nowhere."""
    text = build_id(path)
    found = text and f"/usr/lib/debug/.build-id/{text[:2]}/{text[2:]}.debug"
    return found if found and os.path.exists(found) else None


def build_id(path):
    for line in output(["readelf", "-n", path]).splitlines():
        if "Build ID: " in line:
            return line.split()[-1]
    return None


def find_input(name, cache):
    if name == "vmlinux":
        return find_vmlinux()
    installed = {"libc": LIBC, "python": PYTHON, "ceph-mon": CEPH}[name]
    debug = debug_file(installed) if os.path.exists(installed) else None
    if not debug or not tool("eu-unstrip") or not tool("objcopy"):
        return None
    whole = os.path.join(cache, os.path.basename(installed))
    if not os.path.exists(whole) or build_id(whole) != build_id(installed):
        print(f"\n{name}: joining it with its debug info in {whole}", flush=True)
        subprocess.run(["eu-unstrip", "-o", whole + ".new", installed, debug], check=True)
        subprocess.run(["objcopy", "--decompress-debug-sections", whole + ".new"], check=True)
        os.rename(whole + ".new", whole)
        time.sleep(SETTLED)
    return Input(name, whole, installed, debug)


def find_vmlinux():
    """The newest kernel with debug info; what Debian ships is whole and uncompressed."""
    for folder in ("/usr/lib/debug/boot", "/usr/lib/debug/lib/modules"):
        for root, _, files in sorted(os.walk(folder), reverse=True):
            names = sorted((f for f in files if f.startswith("vmlinux")), reverse=True)
            if names:
                path = os.path.join(root, names[0])
                return Input("vmlinux", path, path, None)
    return None


def sections(path):
    """(name, address, offset, size) of the sections of a little-endian ELF64 file."""
    with open(path, "rb") as f:
        head = f.read(64)
        shoff, = struct.unpack_from("<Q", head, 40)
        n, strings = struct.unpack_from("<HH", head, 60)
        f.seek(shoff)
        table = [struct.unpack("<IIQQQQIIQQ", f.read(64)) for _ in range(n)]
        f.seek(table[strings][4])
        names = f.read(table[strings][5])
    return [(names[t[0]:names.index(0, t[0])].decode(), t[3], t[4], t[5]) for t in table]


@functools.cache
def code(path):
    """(start, size) of .text."""
    return next((addr, size) for name, addr, _, size in sections(path) if name == ".text")


def addresses(path, n, seed=1):
    start, size = code(path)
    rng = random.Random(seed)
    return [start + rng.randrange(size) for _ in range(n)]


def convert(source, to, threads=2):
    """The command that makes a GSYM file."""
    return [GSYM, f"--convert={source}", f"--out-file={to}", f"--num-threads={threads}", "--quiet"]


# Running.

@dataclass
class Contender:
    name: str
    command: list # None: it is not installed
    stdin: str = os.devnull
    items: int = None # how many things one run works on
    says: str = ""    # remark
    warm: bool = False # it has run already


@dataclass
class Run:
    seconds: float # wall
    cpu: float     # user and system seconds
    kb: int        # peak of resident memory, pages of files included


def run_once(command, stdin=os.devnull):
    """One run whose output is thrown away."""
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
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss)


def anonymous_peak(command, every=0.001):
    """Greatest RssAnon + RssShmem of a process in kB, looked at about every @every seconds.

    Pages of the input and of the output file are not counted: the kernel may drop those."""
    null = subprocess.DEVNULL
    process = subprocess.Popen(command, stdin=null, stdout=null, stderr=null)
    top = 0
    with open(f"/proc/{process.pid}/status", "rb", buffering=0) as status:
        while process.poll() is None:
            with contextlib.suppress(OSError):
                text = os.pread(status.fileno(), 8192, 0)
                top = max(top, sum(int(line.split()[1]) for line in text.splitlines()
                                   if line.startswith((b"RssAnon:", b"RssShmem:"))))
            time.sleep(every)
    return top


def peak(kb):
    """A child begins as a copy of us, so a peak below our own cannot be seen."""
    ours = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return f"{kb / 1000:,.0f} MB" if kb > ours * 1.2 else f"< {ours // 1000 + 1} MB"


def duration(seconds):
    return f"{seconds * 1000:.2f} ms" if seconds < 1 else f"{seconds:.2f} s"


def paired(bench, title, contenders, runs=20, enough=None):
    """Runs all contenders in turn; prints medians, and how many times ours each one's is.

    @contenders: [Contender], ours first; of different numbers of items, times are for each item.
    @enough: seconds of a contender's runs after which it gets no further one; None: it gets all.
    Return: {name: median seconds of a run}
    """
    there = [c for c in contenders if c.command and c.command[0]]
    taken = {c.name: [] for c in there}
    for c in there:
        if not c.warm:
            run_once(c.command, c.stdin)
    for _ in range(runs):
        for c in there:
            if not enough or sum(r.seconds for r in taken[c.name]) < enough:
                taken[c.name].append(run_once(c.command, c.stdin))
    limit = f" until they have taken {enough} s" if enough else ""
    print(f"\n{title}\n  {runs} runs of each, in turn{limit}; medians; CPU is user and system")
    medians = {name: statistics.median(r.seconds for r in all) for name, all in taken.items()}
    ours = there[0]
    for c in contenders:
        if c.name not in taken:
            print(f"  {c.name:32} not installed")
            continue
        all = taken[c.name]
        cpu, kb = statistics.median(r.cpu for r in all), max(r.kb for r in all)
        ratio = medians[c.name] / medians[ours.name] * (ours.items or 1) / (c.items or 1)
        rate = f"{c.items / medians[c.name]:12,.0f}/s" if c.items else ""
        print(f"  {c.name:32} {duration(medians[c.name]):>10} {rate:>14} "
              f"CPU {duration(cpu):>10} {peak(kb):>9}"
              f"  {'' if c is ours else f'{ratio:7.2f} x ours'} {c.says}".rstrip())
        bench.figure(title=title, name=c.name, runs=len(all), items=c.items, median=medians[c.name],
                     least=min(r.seconds for r in all), cpu=cpu, peak_kb=kb, ratio=ratio)
    sys.stdout.flush()
    return medians
