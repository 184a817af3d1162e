#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test-aarch64.py TURF: walks of aarch64 code, with signed return addresses, under qemu-user.

programs/aarch64.c is compiled with the rooms that unwinding takes by the cross compiler; TURF
makes its urf here. Then the core that the emulator writes of a program that crashes. TAP; skipped
where compiler or emulator are not installed.
"""
import glob
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
COMPILER, EMULATOR = "aarch64-linux-gnu-gcc", "qemu-aarch64"
CRASHES = r"""
#define CALL(name, ...) __attribute__((noinline, noclone)) int name(int n) \
	{ int r = __VA_ARGS__; __asm__ volatile("" ::: "memory"); return r + 1; }
CALL(third, *(volatile int *)24 + n)
CALL(second, third(n + 1))
CALL(first, second(n * 2))
int main(int argc, char **argv) { (void)argv; return first(argc) - 1; }
"""
N_WALKS = 5  # tests of programs/aarch64.c


def core_of_a_crash(turf, folder):
    """Its frames, by name, as turf tells them; None: the emulator wrote no core."""
    source, program = os.path.join(folder, "crash.c"), os.path.join(folder, "crash")
    with open(source, "w") as f:
        f.write(CRASHES)
    subprocess.run([COMPILER, "-O2", "-g", "-static", "-mno-omit-leaf-frame-pointer",
                    source, "-o", program], check=True)
    most = resource.getrlimit(resource.RLIMIT_CORE)[1]
    size = 64 << 20 if most == resource.RLIM_INFINITY else min(most, 64 << 20)
    subprocess.run([EMULATOR, program], cwd=folder, stderr=subprocess.DEVNULL,
                   preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (size, most)))
    cores = glob.glob(os.path.join(folder, "qemu_*.core"))
    if not cores:
        return None
    # the emulator notes no files, so the frames are found by their frame pointers
    environment = dict(os.environ, TURF_STORE=os.path.join(folder, "store"))
    run = lambda *args: subprocess.run([turf, *args], check=True, stdout=subprocess.PIPE,
                                       env=environment).stdout
    frames = json.loads(run("stack", "--json", cores[0]))["frames"]
    pcs = [int(frame["pc"], 16) for frame in frames]
    asked = [hex(pc - (i > 0)) for i, pc in enumerate(pcs)]
    told = run("symbolize", "--json", "-e", program, *asked).splitlines()
    return [json.loads(line)["frames"][-1].get("function") for line in told[:4]]


def main():
    turf = os.path.abspath(sys.argv[1])
    missing = [t for t in (COMPILER, EMULATOR) if not shutil.which(t)]
    if missing:
        print("1..0 # SKIP not installed:", ", ".join(missing))
        return 0
    src = f"{TOP}/src"
    sources = [f"{src}/unwind/{n}.c" for n in ("unwind", "row", "expr", "copy")]
    sources += [f for part in ("unwind/*/step.c", "image/*.c", "base/*.c")
                for f in sorted(glob.glob(f"{src}/{part}"))]
    with tempfile.TemporaryDirectory() as folder:
        program, urf, include = (os.path.join(folder, n) for n in ("program", "urf", "include"))
        os.mkdir(include)  # the one header beside the C library's
        os.symlink("/usr/include/xxhash.h", os.path.join(include, "xxhash.h"))
        subprocess.run([COMPILER, "-O2", "-g", "-static", "-std=gnu17", "-D_GNU_SOURCE",
                        "-DXXH_INLINE_ALL", "-w", "-mbranch-protection=standard",
                        f"-I{TOP}/include", f"-I{src}", f"-I{include}",
                        f"{TOP}/tests/unwind/programs/aarch64.c", *sources, "-o", program],
                       check=True)
        subprocess.run([turf, "index", "--hot", "-o", urf, program], check=True,
                       stdout=subprocess.DEVNULL)
        told = subprocess.run([EMULATOR, "-cpu", "max", program, urf], timeout=600, text=True,
                              stdout=subprocess.PIPE)
        print(told.stdout.replace(f"1..{N_WALKS}\n", ""), end="")
        frames = core_of_a_crash(turf, folder)
        good = frames in (None, ["third", "second", "first", "main"])
        print(f"{'ok' if good else 'not ok'} {N_WALKS + 1} - registers of a core",
              "" if frames else "# SKIP the emulator wrote no core")
        print(f"1..{N_WALKS + 1}")
        if not good:
            print("#", frames)
        return told.returncode or not good


sys.exit(main())
