# SPDX-License-Identifier: MIT
"""Runs inside gdb (gdb -x): which variables it has in scope at addresses, and where they live.

Reads lines of "scope ADDR" and "where ADDR" from the file that $SCOPES_IN names, writes an
answer for each, one JSON object a line, into that of $SCOPES_OUT. scope: the functions at the
address, innermost first, each with its variables. where: those of the innermost function, each with
the ranges of addresses it has a place in; null: always.
"""
import json
import os
import re

import gdb

OUT = gdb.SYMBOL_LOC_OPTIMIZED_OUT
LABEL = "__CORE_ADDR" # the type that gdb gives labels
KEPT = {gdb.SYMBOL_LOC_COMPUTED, gdb.SYMBOL_LOC_STATIC, gdb.SYMBOL_LOC_CONST,
        gdb.SYMBOL_LOC_CONST_BYTES, gdb.SYMBOL_LOC_OPTIMIZED_OUT, gdb.SYMBOL_LOC_UNRESOLVED}


def told(symbol):
    if symbol.addr_class not in KEPT:
        return None
    try:
        # a constant without a line is an enumerator of a local type
        if symbol.is_constant and not symbol.line and symbol.type.code == gdb.TYPE_CODE_ENUM:
            return None
        kind = str(symbol.type)
    except (gdb.error, RuntimeError, UnicodeDecodeError):
        kind = None
    return [symbol.print_name, symbol.line, bool(symbol.is_argument), kind,
            "label" if kind == LABEL else
            "declared" if symbol.addr_class == gdb.SYMBOL_LOC_UNRESOLVED else
            "out" if symbol.addr_class == OUT else ""]


def frames_at(pc, only_first):
    """[[function's name, symbols in the order gdb has them]]"""
    frames, symbols = [], []
    block = gdb.block_for_pc(pc)
    while block and not block.is_static and not block.is_global:
        symbols += [s for s in block]
        if block.function:
            frames.append([block.function.print_name, symbols])
            symbols = []
            if only_first:
                break
        block = block.superblock
    return frames


def words_at(pc):
    """What "info scope" says there, up to the first variable that it has an error for."""
    try:
        return gdb.execute(f"info scope *{pc:#x}", to_string=True)
    except gdb.error:
        pass
    log = os.environ["SCOPES_OUT"] + ".log"
    gdb.execute("set logging enabled on", to_string=True)
    try:
        gdb.execute(f"info scope *{pc:#x}")
    except gdb.error:
        pass
    gdb.execute("set logging enabled off", to_string=True)
    with open(log) as f:
        return f.read()


def places_at(pc):
    frames = frames_at(pc, True)
    symbols = [s for s in (frames[0][1] if frames else []) if s.print_name]
    said = re.split(r"^Symbol (?=.+? is (?:[a-z]))", words_at(pc), flags=re.M)[1:]
    answer = []
    for i, symbol in enumerate(symbols):
        kept = told(symbol)
        if not kept:
            continue
        words, ranges = said[i] if i < len(said) else "", "unknown"
        if words and not words.startswith(symbol.print_name + " is "):
            return None
        what = words[len(symbol.print_name) + 4:]
        if what.startswith("multi-location"):
            ranges = [[int(a, 16), int(b, 16)]
                      for a, b in re.findall(r"Range 0x([0-9a-f]+)-0x([0-9a-f]+):", what)]
        elif words:
            ranges = [] if what.startswith("optimized out") else None
        # the last one before an error may be cut short
        cut = i + 1 >= len(said) and len(said) < len(symbols)
        answer.append(kept[:2] + ["unknown" if cut else ranges])
    return answer


def main():
    gdb.execute("set pagination off")
    gdb.execute("set logging file " + os.environ["SCOPES_OUT"] + ".log")
    gdb.execute("set logging overwrite on")
    gdb.execute("set logging redirect on")
    with open(os.environ["SCOPES_IN"]) as asked, open(os.environ["SCOPES_OUT"], "w") as out:
        for line in asked:
            verb, pc = line.split()
            pc = int(pc, 16)
            if verb == "where":
                answer = places_at(pc)
            else:
                answer = [[name, [t for t in map(told, symbols) if t]]
                          for name, symbols in frames_at(pc, False)]
            out.write(json.dumps(answer) + "\n")


main()
