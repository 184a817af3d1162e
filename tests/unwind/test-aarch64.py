#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test-aarch64.py TURF: walks of aarch64 code, with signed return addresses, under qemu-user.

programs/aarch64.c is compiled with the rooms that unwinding takes by the cross compiler; TURF
makes its urf here. TAP; skipped where compiler or emulator are not installed.
"""
import glob
import os
import shutil
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
COMPILER, EMULATOR = "aarch64-linux-gnu-gcc", "qemu-aarch64"


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
        return subprocess.run([EMULATOR, "-cpu", "max", program, urf], timeout=600).returncode


sys.exit(main())
