#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""oracle-frames.py DUMP-ROWS [FILE[@SECTION]...]: our unwind rows against those of eu-readelf.

eu-readelf (elfutils) decodes the programs of .eh_frame (or SECTION, .debug_frame); this script
runs what it decoded, by the text of DWARF 5 section 6.4.2 and nothing of ours, and compares every
pc of every FDE: the CFA, the return address and every other register, expressions byte for byte
(decoded here too). Without FILEs: some of this machine, and programs that clang makes for others.

Prints, for each file, how many FDEs, rows and pcs are equal and different, and how many of the
pcs lie in .text. Exit: 0 equal, 1 a difference, 77 nothing to compare with.
"""
import glob
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile

DEFAULT_FILES = ["/lib/x86_64-linux-gnu/libc.so.6", "/lib/aarch64-linux-gnu/libc.so.6",
                 "/lib64/libc.so.6", "/lib64/ld-linux-x86-64.so.2",
                 "/lib/ld-linux-aarch64.so.1", "/usr/bin/python3.11",
                 "/usr/lib/*/libcrypto.so.3", "/usr/lib/*/libstdc++.so.6",
                 "/usr/lib/*/libgcc_s.so.1"]
# Linked for each of these by clang and lld, where they know how: big-endian, 32-bit, return
# addresses in registers 14, 30, 1, 65; arm has no .eh_frame.
TARGETS = {"aarch64-linux-gnu": [], "aarch64_be-linux-gnu": [], "i386-linux-gnu": [],
           "arm-linux-gnueabihf": [], "riscv64-linux-gnu": ["-mno-relax"],
           "powerpc64le-linux-gnu": [], "powerpc64-linux-gnu": ["-mabi=elfv2"],
           "s390x-linux-gnu": []}
SOURCE = r"""
extern unsigned one(unsigned, void *), two(unsigned, unsigned);
extern double three(double);
unsigned leaf(unsigned a) { return a * 3; }
unsigned calls(unsigned a, unsigned b) { return one(a, &b) + two(a, b) * one(b, 0); }
unsigned grows(unsigned n) { char room[n]; return one(n, room) + two(n, room[n / 2]); }
double floats(double a, double b) { double c = three(a); return c * b + three(b) * a; }
unsigned many(unsigned a, unsigned b, unsigned c, unsigned d, unsigned e, unsigned f)
{
	unsigned big[4000], sum = 0;
	for (unsigned i = 0; i < a; i++)
		sum += one(b + i, big) * two(c, d) + two(e, f) * big[i];
	if (sum > 9)
		return sum;
	return many(b, c, d, e, f, a) + two(a, sum);
}
"""
MAX_REGS = 128  # our reader leaves out what is above: arm's d8 to d15 are 264 to 271
SHOWN = 10  # differences printed for a file

# Operations without operands, as eu-readelf names them (DWARF 5 section 7.7.1).
PLAIN = {0x06: "deref", 0x12: "dup", 0x13: "drop", 0x14: "over", 0x16: "swap", 0x17: "rot",
         0x19: "abs", 0x1a: "and", 0x1b: "div", 0x1c: "minus", 0x1d: "mod", 0x1e: "mul",
         0x1f: "neg", 0x20: "not", 0x21: "or", 0x22: "plus", 0x24: "shl", 0x25: "shr",
         0x26: "shra", 0x27: "xor", 0x29: "eq", 0x2a: "ge", 0x2b: "gt", 0x2c: "le",
         0x2d: "lt", 0x2e: "ne", 0x96: "nop"}
PLAIN.update({0x30 + i: f"lit{i}" for i in range(32)})
FIXED = {0x08: ("const1u", 1, False), 0x09: ("const1s", 1, True), 0x0a: ("const2u", 2, False),
         0x0b: ("const2s", 2, True), 0x0c: ("const4u", 4, False), 0x0d: ("const4s", 4, True)}


def leb(code, at, signed):
    value = shift = 0
    while True:
        byte = code[at]
        at += 1
        value |= (byte & 0x7f) << shift
        shift += 7
        if not byte & 0x80:
            break
    if signed and byte & 0x40:
        value -= 1 << shift
    return value, at


def expression_text(code):
    """An expression's bytes in the words of eu-readelf."""
    ops = []
    at = 0
    while at < len(code):
        start, op = at, code[at]
        at += 1
        if op in PLAIN:
            text = PLAIN[op]
        elif op in FIXED:
            name, size, signed = FIXED[op]
            text = f"{name} {int.from_bytes(code[at:at + size], 'little', signed=signed)}"
            at += size
        elif 0x70 <= op < 0x90:
            value, at = leb(code, at, True)
            text = f"breg{op - 0x70} {value}"
        elif op == 0x23:
            value, at = leb(code, at, False)
            text = f"plus_uconst {value}"
        else:
            text = f"op 0x{op:02x}"
        ops.append(f"[{start:2}] {text}")
    return "; ".join(ops)


class Machine:
    """One FDE's state: the CFA and the registers' rules, as text."""

    def __init__(self, cie=None):
        self.cfa = cie.cfa if cie else None
        self.regs = dict(cie.regs) if cie else {}
        self.initial = dict(self.regs)
        self.stack = []

    def state(self):
        cfa = f"r{self.cfa[0]}{self.cfa[1]:+d}" if isinstance(self.cfa, tuple) else self.cfa
        return cfa, tuple(sorted((r, v) for r, v in self.regs.items() if r < MAX_REGS))

    def restore(self, reg):
        self.regs.pop(reg, None)
        if reg in self.initial:
            self.regs[reg] = self.initial[reg]

    def run(self, op, args, expression):
        """One instruction that does not move."""
        numbers = [int(n) for n in re.findall(r"(?<![\w(])[+-]?\d+", args)]
        regs = [int(n) for n in re.findall(r"(?<!\()\br(\d+)", args)]  # r10 (its name)
        if op in ("nop", "args_size"):
            pass
        elif op in ("def_cfa", "def_cfa_sf"):
            self.cfa = (regs[0], int(re.search(r"offset (-?\d+)", args).group(1)))
        elif op == "def_cfa_register":
            self.cfa = (regs[0], self.cfa[1] if self.cfa else 0)
        elif op in ("def_cfa_offset", "def_cfa_offset_sf"):
            self.cfa = (self.cfa[0], numbers[0])
        elif op == "def_cfa_expression":
            self.cfa = "e:" + expression
        elif op in ("offset", "offset_extended", "offset_extended_sf"):
            self.regs[regs[0]] = "c" + re.search(r"cfa([+-]\d+)", args).group(1)
        elif op in ("val_offset", "val_offset_sf"):
            self.regs[regs[0]] = "v%+d" % int(re.search(r"offset ([+-]?\d+)", args).group(1))
        elif op == "expression":
            self.regs[regs[0]] = "e:" + expression
        elif op == "val_expression":
            self.regs[regs[0]] = "x:" + expression
        elif op == "undefined":
            self.regs[regs[0]] = "u"
        elif op == "same_value":
            self.regs[regs[0]] = "s"
        elif op == "register":
            self.regs[regs[0]] = f"r{regs[1]}"
        elif op in ("restore", "restore_extended"):
            self.restore(regs[0])
        elif op == "remember_state":
            self.stack.append((self.cfa, dict(self.regs)))
        elif op == "restore_state":
            self.cfa, self.regs = self.stack.pop()
        else:
            raise ValueError(f"instruction {op!r} is not known to this script")


class Entry:
    def __init__(self, off, kind, cie):
        self.off, self.kind, self.cie = off, kind, cie
        self.start = self.base = self.size = self.ra = None
        self.augmentation = ""
        self.program = []  # [op, arguments, expression]


def parse(lines, section):
    """The entries of a section in eu-readelf's text."""
    entries, here, inside, in_program = {}, None, False, False
    for line in lines:
        if re.match(r"\S.* section \[", line):
            inside = f"'{section}'" in line
            here = None
            continue
        if not inside:
            continue
        head = re.match(r" \[ *([0-9a-f]+)\] (CIE|FDE) length=\d+(?: cie=\[ *([0-9a-f]+)\])?",
                        line)
        if head:
            off = int(head.group(1), 16)
            here = Entry(off, head.group(2), head.group(3) and int(head.group(3), 16))
            entries[off] = here
            in_program = False
            continue
        text = line.strip()
        if here is None or not text:
            continue
        if not line.startswith("     ") or not in_program:
            read_field(here, text)
            in_program = in_program or text == "Program:"
        elif text.startswith("["):
            here.program[-1][2].append(text)
        else:
            op, _, args = text.partition(" ")
            here.program.append([op, args, []])
    return entries


def read_field(entry, text):
    key, _, value = text.partition(":")
    value = value.strip()
    if key == "augmentation":
        entry.augmentation = value.strip('"')
    elif key == "return_address_register":
        entry.ra = int(value)
    elif key == "initial_location":
        # the address, and above which base its moves are told
        entry.start = int(re.match(r"\+?0x([0-9a-f]+)", value).group(1), 16)
        offset = re.search(r"offset: 0x([0-9a-f]+)", value)
        entry.base = entry.start - (int(offset.group(1), 16) if offset else 0)
    elif key == "address_range":
        entry.size = int(value.split()[0], 16)


def run(entries, fde):
    """[(start, end, state)] of an FDE; equal neighbours joined."""
    cie = Machine()
    for op, args, expression in entries[fde.cie].program:
        cie.run(op, args, "; ".join(expression))
    machine, rows = Machine(cie), []
    here, end = fde.start, fde.start + fde.size
    for op, args, expression in fde.program:
        if op.startswith("advance_loc") or op == "set_loc":
            to = min(fde.base + int(re.search(r"0x([0-9a-f]+)", args).group(1), 16), end)
            add_row(rows, here, to, machine.state())
            here = to
        else:
            machine.run(op, args, "; ".join(expression))
    add_row(rows, here, end, machine.state())
    return rows


def add_row(rows, start, end, state):
    if start >= end:
        return
    if rows and rows[-1][2] == state and rows[-1][1] == start:
        rows[-1] = (rows[-1][0], end, state)
    else:
        rows.append((start, end, state))


def our_rule(text):
    if text[:2] in ("e:", "x:"):
        return text[:2] + expression_text(bytes.fromhex(text[2:]))
    return text


def read_ours(text):
    """{offset: (start, end, ra, signal, rows)} and the lines that say "bad"."""
    fdes, bad, rows = {}, [], None
    for line in text.splitlines():
        words = line.split()
        if words[0] == "fde":
            rows = []
            fdes[int(words[1], 16)] = (int(words[2], 16), int(words[3], 16), int(words[5]),
                                       int(words[7]), rows)
        elif words[0] == "row":
            rules = words[5:]
            regs = {int(rules[i]): our_rule(rules[i + 1]) for i in range(0, len(rules), 2)}
            state = our_rule(words[4]), tuple(sorted(regs.items()))
            add_row(rows, int(words[1], 16), int(words[2], 16), state)
        else:
            bad.append(line)
    return fdes, bad


def compare_rows(ours, theirs):
    """Bytes of equal and of different pcs, and the first place that differs."""
    equal = different = 0
    first = None
    edges = sorted({e for rows in (ours, theirs) for row in rows for e in row[:2]})
    at = [0, 0]
    for start, end in zip(edges, edges[1:]):
        states = []
        for i, rows in enumerate((ours, theirs)):
            while at[i] < len(rows) and rows[at[i]][1] <= start:
                at[i] += 1
            covered = at[i] < len(rows) and rows[at[i]][0] <= start
            states.append(rows[at[i]][2] if covered else None)
        if states[0] == states[1]:
            equal += end - start
        else:
            different += end - start
            first = first or (start, states)
    return equal, different, first


def text_section(path):
    out = subprocess.run(["readelf", "-SW", path], capture_output=True, text=True).stdout
    m = re.search(r"\] \.text +\w+ +([0-9a-f]+) [0-9a-f]+ ([0-9a-f]+)", out)
    return (int(m.group(1), 16), int(m.group(1), 16) + int(m.group(2), 16)) if m else (0, 0)


def readable(path, copy):
    """A file that eu-readelf decodes: it passes over sections of type SHT_X86_64_UNWIND, as gold
    and lld make them, which are PROGBITS in the copy."""
    with open(path, "rb") as f:
        data = bytearray(f.read())
    if data[4:6] != b"\2\1":  # 64 bits, little-endian
        return path
    off, = struct.unpack_from("<Q", data, 0x28)
    size, n = struct.unpack_from("<HH", data, 0x3A)
    types = [off + i * size + 4 for i in range(n)]
    types = [at for at in types if data[at:at + 4] == b"\1\0\0\x70"]
    if not types:
        return path
    for at in types:
        data[at:at + 4] = b"\1\0\0\0"
    copy.write(data)
    copy.flush()
    return copy.name


def compare_file(dump_rows, name):
    path, _, section = name.partition("@")
    section = section or ".eh_frame"
    with tempfile.NamedTemporaryFile() as copy:
        text = subprocess.run(["eu-readelf", "--debug-dump=frames", readable(path, copy)],
                              check=True, capture_output=True, text=True,
                              errors="replace").stdout
    entries = parse(text.splitlines(), section)
    dump = subprocess.run([dump_rows, path, section], capture_output=True, text=True)
    ours, bad = read_ours(dump.stdout)
    theirs = {e.off: e for e in entries.values() if e.kind == "FDE"}
    total = {"fdes": 0, "rows": 0, "equal": 0, "different": 0, "in_text": 0}
    low, high = text_section(path)
    shown = 0
    for off in sorted(set(ours) | set(theirs)):
        mine, other = ours.get(off), theirs.get(off)
        if mine is None or other is None:
            equal, different = 0, (other.size if other else mine[1] - mine[0]) or 1
            first = f"only {'eu-readelf' if other else 'turf'} has it"
        else:
            rows = run(entries, other)
            equal, different, first = compare_rows(mine[4], rows)
            cie = entries[other.cie]
            head = (other.start, other.start + other.size, cie.ra, int("S" in cie.augmentation))
            if mine[:4] != head:
                different, first = different or 1, f"head {mine[:4]}, eu-readelf {head}"
            total["rows"] += len(rows)
            total["in_text"] += max(0, min(high, head[1]) - max(low, head[0]))
        total["fdes"] += 1
        total["equal"] += equal
        total["different"] += different
        if different and shown < SHOWN:
            print(f"# {path}: FDE at 0x{off:x}: {first}")
            shown += 1
    for line in bad[:SHOWN]:
        print(f"# {path}: {line}")
    print(f"{name}: fdes={total['fdes']} rows={total['rows']} pcs_equal={total['equal']} "
          f"pcs_different={total['different']} pcs_in_text={total['in_text']} bad={len(bad)}")
    return bool(total["fdes"]) and not total["different"] and not bad and dump.returncode == 0


def of_other_machines(folder):
    clang = shutil.which("clang-19") or shutil.which("clang-14") or shutil.which("clang")
    source = os.path.join(folder, "source.c")
    with open(source, "w") as out:
        out.write(SOURCE)
    for target, flags in TARGETS.items():
        path = os.path.join(folder, target)
        made = clang and subprocess.run(
            [clang, f"--target={target}", "-O2", "-g", "-ffreestanding", "-shared", "-fPIC",
             "-nostdlib", "-fuse-ld=lld", *([] if target.startswith("arm") else
                                           ["-fasynchronous-unwind-tables"]), *flags,
             "-o", path, source], capture_output=True)
        if made and made.returncode == 0:
            yield path + ("@.debug_frame" if target.startswith("arm") else "")
        else:
            print(f"{target}: skipped: clang makes no program for it here")


def main():
    dump_rows, files = sys.argv[1], sys.argv[2:]
    folder = tempfile.TemporaryDirectory()
    if not files:
        files = {os.path.realpath(f): f for p in DEFAULT_FILES for f in glob.glob(p)}.values()
        files = [*files, *of_other_machines(folder.name)]
    if not files or not shutil.which("eu-readelf") or not shutil.which("readelf"):
        print("skipped: needs eu-readelf (elfutils), readelf (binutils) and a file to read")
        return 77
    return 0 if all([compare_file(dump_rows, f) for f in files]) else 1


if __name__ == "__main__":
    sys.exit(main())
