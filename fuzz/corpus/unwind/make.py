#!/usr/bin/env python3
"""Writes the seeds beside it: each a walk that goes well, in the layout of fuzz-unwind.c."""
import pathlib
import struct

RSP, RBP, RIP = 7, 6, 16
UNDEFINED, AT_CFA, VAL_EXPRESSION, REG_OFFSET = 0, 2, 6, 7
STACK, CODE = 0x10000, 0x1000


def rule(kind, reg=0, offset=0, expr=0, expr_size=0):
    return struct.pack("BBBBb", kind, reg, expr, expr_size, offset)


def row(cfa, ra, signal=0, n_saved=0, saved=0):
    return cfa + ra + bytes([RIP, signal, n_saved, saved])


def seed(name, rows, rules, stack):
    values = [0] * 17
    values[RIP] = 6
    none = row(rule(UNDEFINED), rule(UNDEFINED))
    out = bytes(3) + bytes(values)
    out += b"".join((rows + [none] * 8)[:8])
    out += b"".join(([r for _, r in rules] + [rule(UNDEFINED)] * 16)[:16])
    out += bytes(([reg for reg, _ in rules] + [0] * 16)[:16])
    out += stack
    (pathlib.Path(__file__).parent / name).write_bytes(out)


def words(*w):
    return struct.pack("<%dQ" % len(w), *w)


def code(row_number):
    """A return address whose row is that one, in a module with image."""
    return CODE + 8 * row_number + 7


plain = row(rule(REG_OFFSET, RSP, 16), rule(AT_CFA, 0, -8))
by_rbp = row(rule(REG_OFFSET, RBP, 16), rule(AT_CFA, 0, -8), 0, 1, 0)
end = row(rule(REG_OFFSET, RSP, 8), rule(UNDEFINED))
signal = row(rule(REG_OFFSET, RSP, 24), rule(AT_CFA, 0, -16), 255, 1, 1)
rbp_saved, rsp_saved = (RBP, rule(AT_CFA, 0, -16)), (RSP, rule(AT_CFA, 0, -8))

seed("plain", [plain, end], [], words(0, code(0), 0, code(1)))
seed("saved", [plain, by_rbp, end], [rbp_saved],
     words(0, code(1), 0, 0, STACK, code(2), STACK, code(2)))
seed("signal", [plain, signal, end], [rbp_saved, rsp_saved],
     words(0, code(1), 0, CODE + 6, STACK + 40, 0, code(2)))
plt = bytes([0x77, 8, 0x80, 0, 0x3F, 0x1A, 0x3B, 0x2A, 0x33, 0x24, 0x22])
seed("expression",
     [row(rule(VAL_EXPRESSION, 0, 0, 24, len(plt)), rule(AT_CFA, 0, -8)), end], [],
     words(code(1), code(1), code(1)) + plt)
seed("pointer", [plain], [], words(STACK + 16, CODE + 3, STACK + 32, CODE + 3, 0, 0))
