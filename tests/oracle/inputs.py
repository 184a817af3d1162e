#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Programs to compare symbolizers on, made from programs/ in every way that changes debug info.

    inputs.py FOLDER [PATTERN]

INPUTS names them; make() makes one in a folder and gives the symbolize.Input to ask about, or
raises Skip with the reason where a tool is not installed.
"""
import glob
import os
import pathlib
import re
import shutil
import subprocess
import sys

from symbolize import Input, placed_sections

PROGRAMS = pathlib.Path(__file__).resolve().parent / "programs"
TOOL_PATH = ["/usr/bin", os.path.expanduser("~/.cargo/bin"), "/usr/local/go/bin"]

C = ["tour.c", "other.c", "main.c"]
CXX = ["tour.cc", "shared.cc"]


class Skip(Exception):
    pass


def tool(*names):
    for name in names:
        found = shutil.which(name, path=":".join(TOOL_PATH))
        if found:
            return found
    raise Skip(f"{names[0]} is not installed")


def run(folder, *command):
    env = {**os.environ, "PATH": ":".join(TOOL_PATH), "GOFLAGS": "", "GOCACHE": f"{folder}/.go",
           "LC_ALL": "C.UTF-8"}
    done = subprocess.run([str(c) for c in command], cwd=folder, env=env, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        lines = [line for line in done.stdout.splitlines() if "error" in line.lower()]
        raise Skip(f"{pathlib.Path(str(command[0])).name}: "
                   f"{(lines or done.stdout.splitlines() or ['failed'])[0][:150]}")


def has_section(path, name):
    out = subprocess.run(["readelf", "-SW", path], capture_output=True, text=True).stdout
    return re.search(rf"\] {re.escape(name)}\s", out)


def need_section(path, *names):
    """Where none is there, the tools made something else than the input is about."""
    if not any(has_section(path, name) for name in names):
        raise Skip(f"the tools made no {' or '.join(names)}")


def build(folder, compiler, sources, *flags, output="program"):
    """Compiles each source on its own, then links: split DWARF goes beside the objects."""
    objects = []
    for source in sources:
        where = folder / (output + "-" + source.replace(".", "-") + ".o")
        run(folder, tool(compiler), *[f for f in flags if not f.startswith("-Wl,")], "-c",
            PROGRAMS / source, "-o", where)
        objects.append(where)
    run(folder, tool(compiler), *flags, *objects, "-o", folder / output)
    return folder / output


def plain(compiler, sources, *flags):
    return lambda folder: Input(build(folder, compiler, sources, *flags))


def link_in_place(folder, linker, path):
    """An object linked with its code where an object's code is taken to be: llvm-symbolizer
    takes all of an object's sections to be at 0, and cannot be asked about most addresses."""
    code = [(name, addr) for name, addr, size in placed_sections(path)]
    if len({name for name, _ in code}) != len(code):
        raise Skip("several of its sections have one name")
    script, linked = folder / "in-place.ld", folder / "in-place"
    script.write_text("SECTIONS {\n" + "".join(
        f'\t"{name}" {addr:#x} : {{ *("{name}") }}\n' for name, addr in code) +
        "\t/DISCARD/ : { *(.eh_frame) *(.note*) *(.modinfo) *(__versions) }\n}\n")
    run(folder, tool(linker), "-T", script, "--no-check-sections", "--no-relax", "-e", "0", "--build-id=none",
        "--defsym=__dso_handle=0", "--unresolved-symbols=ignore-all", "--noinhibit-exec", path,
        "-o", linked)
    return Input(path, linked)


def prefix(compiler):
    """Of the tools that go with a compiler for another machine."""
    machine = re.match(r"(.*-)g(cc|\+\+)$", compiler)
    return machine[1] if machine else ""


def relocatable(compiler, source, *flags):
    def make(folder):
        path = folder / "object.o"
        run(folder, tool(compiler), *flags, "-c", PROGRAMS / source, "-o", path)
        return link_in_place(folder, prefix(compiler) + "ld", path)
    return make


def module(pattern):
    """A module of the kernel; what debug packages hold of it is an object, too."""
    def make(folder):
        return link_in_place(folder, "ld", there(pattern)(folder).path)
    return make


def packed(packer, compiler, sources, *flags):
    """Split DWARF put into one file beside the program; its .dwo files are gone then."""
    def make(folder):
        path = build(folder, compiler, sources, *flags)
        run(folder, tool(packer), "-e", path, "-o", f"{path}.dwp")
        for dwo in folder.glob("*.dwo"):
            dwo.unlink()
        return Input(path)
    return make


def changed(command, section, compiler, sources, *flags):
    """A program that @command, a list with FROM and TO, then works upon."""
    def make(folder):
        path, to = build(folder, compiler, sources, *flags, output="plain"), folder / "program"
        run(folder, tool(command[0]), *[{"FROM": path, "TO": to}.get(c, c) for c in command[1:]])
        need_section(to, section)
        return Input(to, path)
    return make


def dwz_shared(folder):
    """Two programs whose common DWARF is in a third file: elfutils alone reads it well."""
    paths = [build(folder, "g++", CXX, "-g", f"-O{i}", output=f"program{i}") for i in (1, 2)]
    whole = folder / "whole"
    shutil.copy(paths[0], whole)
    run(folder, tool("dwz"), "-m", folder / "common.debug", *paths)
    need_section(paths[0], ".gnu_debugaltlink")
    return Input(paths[0], whole)


def linked_debug(folder):
    path = build(folder, "gcc", C, "-g", "-O2")
    whole, debug = folder / "whole", folder / "program.debug"
    shutil.copy(path, whole)
    run(folder, tool("objcopy"), "--only-keep-debug", path, debug)
    run(folder, tool("objcopy"), "--strip-all", f"--add-gnu-debuglink={debug}", path)
    need_section(path, ".gnu_debuglink")
    return Input(path, whole)


def by_build_id(folder):
    path = build(folder, "g++", CXX, "-g", "-O2", "-Wl,--build-id")
    whole = folder / "whole"
    shutil.copy(path, whole)
    notes = subprocess.run(["readelf", "-n", path], capture_output=True, text=True).stdout
    m = re.search(r"Build ID: (\w\w)(\w+)", notes)
    where = folder / "debug" / ".build-id" / m[1]
    where.mkdir(parents=True)
    run(folder, tool("objcopy"), "--only-keep-debug", path, where / f"{m[2]}.debug")
    run(folder, tool("strip"), path)
    return Input(path, whole, folder / "debug")


def mini_debug_info(folder):
    path = build(folder, "gcc", C, "-O2")
    whole, mini = folder / "whole", folder / "mini"
    shutil.copy(path, whole)
    run(folder, tool("objcopy"), "-S", "--keep-section=.symtab", "--only-keep-debug", path, mini)
    run(folder, tool("xz"), "-f", mini)
    run(folder, tool("strip"), path)
    run(folder, tool("objcopy"), "--add-section", f".gnu_debugdata={mini}.xz", path)
    return Input(path, whole)


def stripped(compiler, sources, *flags):
    """No debug info and no .symtab: .dynsym and unwind tables are left."""
    def make(folder):
        path = build(folder, compiler, sources, *flags)
        run(folder, tool(prefix(compiler) + "strip"), path)
        return Input(path)
    return make


def rust(*flags):
    def make(folder):
        run(folder, tool("rustc"), *flags, PROGRAMS / "tour.rs", "-o", folder / "program")
        return Input(folder / "program")
    return make


def go(*flags, strip=(), env=()):
    """@strip: how the program loses its DWARF; then its own line tables are all there is. What
    Go's linker leaves out it may lay out otherwise, so this is no way to lose it."""
    def make(folder):
        whole, path = folder / "whole", folder / "program"
        command = ["env", *env, tool("go"), "build", *flags, "-o"]
        run(folder, *command, whole, PROGRAMS / "tour.go")
        if not strip:
            return Input(whole)
        shutil.copy(whole, path)
        run(folder, tool(strip[0]), *strip[1:], path)
        return Input(path, whole)
    return make


def fortran(*flags):
    def make(folder):
        run(folder, tool("gfortran"), *flags, PROGRAMS / "tour.f90", "-o", "program")
        return Input(folder / "program")
    return make


def ada(*flags):
    def make(folder):
        run(folder, tool("gnatmake"), "-q", *flags, PROGRAMS / "tour.adb", "-o", "program")
        return Input(folder / "program")
    return make


def d(*flags):
    def make(folder):
        run(folder, tool("gdc"), *flags, PROGRAMS / "tour.d", "-o", "program")
        return Input(folder / "program")
    return make


def assembly(*flags):
    def make(folder):
        path = folder / "program"
        run(folder, tool("gcc"), *flags, "-shared", "-nostdlib", PROGRAMS / "tour.S", "-o", path)
        return Input(path)
    return make


def there(*patterns):
    """A file of this machine."""
    def make(_):
        for pattern in patterns:
            for path in sorted(glob.glob(pattern)):
                return Input(path)
        raise Skip(f"there is no {patterns[0]}")
    return make


SPLIT = ["-gsplit-dwarf", "-g", "-O2"]
DWARF_2_TO_5 = [f"-gdwarf-{v}" for v in (2, 3, 4, 5)]
KERNEL = "/usr/lib/debug/lib/modules/*/"
STRIPS = {"arm64": "aarch64-linux-gnu-objcopy", "386": "objcopy",
          "arm": "arm-linux-gnueabihf-objcopy", "riscv64": "riscv64-linux-gnu-objcopy",
          "ppc64le": "powerpc64le-linux-gnu-objcopy", "s390x": "s390x-linux-gnu-objcopy"}
MACHINES = ["aarch64-linux-gnu", "arm-linux-gnueabihf", "i686-linux-gnu", "riscv64-linux-gnu",
            "powerpc64le-linux-gnu", "s390x-linux-gnu"]

# name -> how it is made
INPUTS = {}
QUICK = set()  # those that run with the tests


def add(name, make, quick=False):
    INPUTS[name] = make
    if quick:
        QUICK.add(name)


for cc, cxx in ("gcc", "g++"), ("clang-14", "clang++-14"), ("clang-19", "clang++-19"):
    for level in range(4):
        add(f"{cc} -O{level}", plain(cc, C, "-g", f"-O{level}", "-DTOUR_IFUNC"), level == 2)
        add(f"{cxx} -O{level}", plain(cxx, CXX, "-g", f"-O{level}"), level == 2)
    for version in DWARF_2_TO_5:
        add(f"{cc} -O2 {version}", plain(cc, C, version, "-O2"),
            (cc, version) == ("gcc", "-gdwarf-2"))
        add(f"{cxx} -O2 {version}", plain(cxx, CXX, version, "-O2"))
    link = [] if cc == "gcc" else ["-fuse-ld=lld"]
    add(f"{cxx} -flto", plain(cxx, CXX, "-g", "-O2", "-flto", *link), cc != "clang-19")
    add(f"{cc} -flto", plain(cc, C, "-g", "-O2", "-flto", *link))
    add(f"{cc} --gc-sections", plain(cc, C, "-g", "-O2", "-ffunction-sections",
                                     "-Wl,--gc-sections", *link), cc == "gcc")
    add(f"{cxx} --gc-sections", plain(cxx, CXX, "-g", "-O2", "-ffunction-sections",
                                      "-Wl,--gc-sections", *link))
    for version in "-gdwarf-4", "-gdwarf-5":
        add(f"{cxx} -gsplit-dwarf {version}", plain(cxx, CXX, *SPLIT, version),
            version == "-gdwarf-5")
        add(f"{cxx} -gsplit-dwarf {version} of types", plain(
            cxx, CXX, *SPLIT, version, "-fdebug-types-section"),
            (cc, version) == ("gcc", "-gdwarf-5"))
        add(f"{cxx} -gsplit-dwarf {version} .dwp",
            packed("llvm-dwp-19", cxx, CXX, *SPLIT, version), version == "-gdwarf-5")
        add(f"{cxx} -gsplit-dwarf {version} .dwp of types", packed(
            "llvm-dwp-19", cxx, CXX, *SPLIT, version, "-fdebug-types-section"))
        add(f"{cxx} -fdebug-types-section {version}", plain(
            cxx, CXX, "-g", "-O2", version, "-fdebug-types-section"),
            cc == "gcc")
        add(f"{cxx} object of types {version}", relocatable(
            cxx, "tour.cc", "-g", "-O2", version, "-fdebug-types-section"),
            (cc, version) == ("gcc", "-gdwarf-5"))
    add(f"{cxx} -g1", plain(cxx, CXX, "-g1", "-O2"), cc == "gcc")
    add(f"{cxx} -gdwarf64", plain(cxx, CXX, "-g", "-O2", "-gdwarf-5", "-gdwarf64"))
    add(f"{cc} object", relocatable(cc, "tour.c", "-g", "-O2", "-gdwarf-5"), cc == "gcc")
    add(f"{cxx} object", relocatable(cxx, "tour.cc", "-g", "-O2", "-ffunction-sections"))
    add(f"{cc} stripped", stripped(cc, C, "-O2", "-rdynamic"))
add("g++ -gsplit-dwarf -gdwarf-4 dwp", packed("dwp", "g++", CXX, *SPLIT, "-gdwarf-4",
                                             "-fuse-ld=gold"))
add("g++ -gz", plain("g++", CXX, "-g", "-O2", "-gz"), True)
add("g++ zstd", changed(["llvm-objcopy-19", "--compress-debug-sections=zstd", "FROM", "TO"],
                        ".debug_info", "g++", CXX, "-g", "-O2"), True)
add("g++ .zdebug", changed(["objcopy", "--compress-debug-sections=zlib-gnu", "FROM", "TO"],
                           ".zdebug_info", "g++", CXX, "-g", "-O2"), True)
add("g++ dwz", changed(["dwz", "-o", "TO", "FROM"], ".debug_info", "g++", CXX, "-g", "-O2"), True)
add("g++ dwz -m", dwz_shared, True)
add("gcc .gnu_debuglink", linked_debug, True)
add("g++ build-id", by_build_id, True)
add("gcc MiniDebugInfo", mini_debug_info, True)
add("gcc assembly -g", assembly("-g"), True)
add("gcc assembly", assembly())
for flags in ["-O", "-g"], ["-g"], ["-g", "-C", "lto"], ["-O", "-g", "-C", "symbol-mangling-version=v0"]:
    add(f"rustc {' '.join(flags)}", rust(*flags), flags == ["-O", "-g"])
add("go", go(), True)
add("go -N -l", go("-gcflags=-N -l"))
add("go without DWARF", go(strip=("objcopy", "--strip-debug")))
add("go stripped", go(strip=("strip",)), True)
add("go stripped pie", go("-buildmode=pie", strip=("strip",)))
for arch in "arm64", "386", "arm", "riscv64", "ppc64le", "s390x":
    add(f"go {arch} stripped", go(env=[f"GOARCH={arch}", "CGO_ENABLED=0"],
                                  strip=(STRIPS[arch], "--strip-all")))
add("gccgo", lambda folder: (run(folder, tool("gccgo"), "-g", "-O2", PROGRAMS / "tour.go", "-o",
                                 "program"), Input(folder / "program"))[1])
for level in 0, 2:
    add(f"gfortran -O{level}", fortran("-g", f"-O{level}"), level == 2)
    add(f"gnat -O{level}", ada("-g", f"-O{level}"), level == 2)
    add(f"gdc -O{level}", d("-g", f"-O{level}"))
for machine in MACHINES:
    for version in DWARF_2_TO_5[2:]:
        add(f"{machine}-gcc {version}", plain(f"{machine}-gcc", C, "-g", "-O2", version))
        add(f"{machine}-g++ {version}", plain(f"{machine}-g++", CXX, "-g", "-O2", version))
    add(f"{machine}-gcc object", relocatable(f"{machine}-gcc", "tour.c", "-g", "-O2"))
    add(f"{machine}-gcc stripped", stripped(f"{machine}-gcc", C, "-O2"))
add("libc.so.6", there("/lib/x86_64-linux-gnu/libc.so.6"))
add("python3.11", there("/usr/bin/python3.11"))
add("libstdc++ of libstdc++6-12-dbg", there("/usr/lib/x86_64-linux-gnu/debug/libstdc++.so.6"))
add("ceph-mon", there("/usr/bin/ceph-mon"))
add("vmlinux", there("/usr/lib/debug/boot/vmlinux-*", KERNEL + "vmlinux"))
add("ext4.ko", module(KERNEL + "kernel/fs/ext4/ext4.ko"))
add("nf_conntrack.ko", module(KERNEL + "kernel/net/netfilter/nf_conntrack.ko"))
add("vdso", there(KERNEL + "vdso/vdso64.so.debug", KERNEL + "vdso/vdso64.so"))


def make(name, folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True)
    return INPUTS[name](folder)


def main():
    pattern = re.compile(sys.argv[2] if len(sys.argv) > 2 else "")
    for i, name in enumerate(n for n in INPUTS if pattern.search(n)):
        try:
            print(f"{make(name, pathlib.Path(sys.argv[1]).resolve() / str(i)).path}  {name}")
        except Skip as why:
            print(f"skipped  {name}: {why}")


if __name__ == "__main__":
    main()
