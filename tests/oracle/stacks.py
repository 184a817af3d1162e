#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""turf stack beside eu-stack: the pcs of every thread of programs stopped again and again.

    stacks.py TURF [-n STOPS]

Exit status: 0 the same wherever both reach the thread's start, 1 not, 77 eu-stack is missing.
"""
import argparse
import collections
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

EU = shutil.which("eu-stack")
THREADS = """
import threading, json, time
def work(n):
    while True:
        json.dumps(json.loads('{"a": [1, 2, {"b": null}]}' * 1))
        sorted(range(1000), key=lambda i: -i)
for i in range(4):
    threading.Thread(target=work, args=(i,), daemon=True).start()
time.sleep(600)
"""
PROGRAMS = {
    "python3": ["/usr/bin/python3", "-c", THREADS],
    "bash": ["bash", "-c", "while :; do x=$((x + 1)); y=${x//1/2}; done"],
    "perl": ["perl", "-e", "while (1) { $h{$i++ % 1000} = join ',', sort 1 .. 50 }"],
    "gzip": ["sh", "-c", "exec gzip -9 < /dev/zero > /dev/null"],
    "sort": ["sh", "-c", "yes | head -c 400000000 | sort > /dev/null"],
    "sleep": ["sleep", "600"],
}


def turf_stacks(turf, pid):
    """tid -> (pcs, whether the walk reached the thread's start)"""
    out = subprocess.run([turf, "stack", "--json", str(pid)], capture_output=True, text=True)
    stacks = {}
    for line in out.stdout.splitlines():
        thread = json.loads(line)
        pcs = [int(f["pc"], 16) for f in thread["frames"] if not f.get("inlined")]
        stacks[thread["tid"]] = (pcs, thread.get("complete", "stop" not in thread))
    return stacks


def eu_stacks(pid):
    """tid -> pcs; eu-stack takes one away from a return address only to look it up"""
    out = subprocess.run([EU, "-n", "0", "-p", str(pid)], capture_output=True, text=True).stdout
    stacks, tid = {}, None
    for line in out.splitlines():
        thread = re.match(r"TID (\d+)", line)
        frame = re.match(r"#\d+ +(0x[0-9a-f]+)", line)
        if thread:
            tid = int(thread[1])
            stacks[tid] = []
        elif frame:
            stacks[tid].append(int(frame[1], 16))
    return stacks


def verdict(mine, complete, theirs):
    if mine == theirs:
        return "same pcs, complete" if complete else "same pcs, both stop early"
    return "other pcs" if complete else "we stop early and say so, eu-stack goes on"


def check(turf, name, command, stops, counts):
    process = subprocess.Popen(command, start_new_session=True, stdin=subprocess.DEVNULL)
    try:
        time.sleep(0.3)
        for _ in range(stops):
            time.sleep(random.random() / 20)
            os.kill(process.pid, signal.SIGSTOP)
            time.sleep(0.01)
            ours, theirs = turf_stacks(turf, process.pid), eu_stacks(process.pid)
            for tid, pcs in theirs.items():
                mine, complete = ours.get(tid, ([], False))
                said = verdict(mine, complete, pcs)
                counts[said] += 1
                if not said.startswith("same"):
                    print(f"  {name} {tid}: {said}\n    turf {[hex(p) for p in mine]}\n"
                          f"    eu   {[hex(p) for p in pcs]}")
            os.kill(process.pid, signal.SIGCONT)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("turf")
    parser.add_argument("-n", type=int, default=20, help="stops of each program")
    args = parser.parse_args()
    if not EU:
        print("eu-stack is not installed: not compared")
        sys.exit(77)
    counts = collections.Counter()
    with tempfile.TemporaryDirectory() as store:
        os.environ["TURF_STORE"] = store
        for name, command in PROGRAMS.items():
            check(os.path.abspath(args.turf), name, command, args.n, counts)
    for said, n in counts.most_common():
        print(f"{n:8} {said}")
    sys.exit(1 if counts["other pcs"] or not counts["same pcs, complete"] else 0)


main()
