# SPDX-License-Identifier: MIT
"""Functions and what is in them, out of llvm-dwarfdump's text, unit by unit.

The text of a kernel is 5 GB: it is read once, as it comes. Of each unit the places of functions,
blocks, calls, arguments and variables are kept, and read only when asked for.
"""
import re
import shutil
import subprocess

LLVM = shutil.which("llvm-dwarfdump-19") or shutil.which("llvm-dwarfdump")
WHOLE = 64 << 20  # units may refer to each other in smaller .debug_info
BITE = 8 << 20
UNIT = re.compile(rb"^0x([0-9a-f]+): Compile Unit: length = 0x([0-9a-f]+)", re.M)
HEAD = re.compile(rb"0x([0-9a-f]+):( +)DW_TAG_(?:(subprogram|inlined_subroutine|lexical_block|"
                  rb"formal_parameter|variable|constant|label)\b|GNU_(formal_parameter_pack)\b)?")
CODE_HERE = re.compile(rb"DW_AT_(low_pc|ranges)\t")
ATTR = re.compile(rb"\s+DW_AT_(\w+)\t\((.*)$", re.S)
CODE = {"inlined_subroutine", "lexical_block"}
VARIABLES = {"formal_parameter", "variable", "constant"}


class Die:
    """A DIE; where it stands among those of its unit is enough to find the others."""
    __slots__ = ("off", "tag", "text", "parsed", "children")

    def __init__(self, off, tag, text):
        self.off, self.tag, self.text, self.parsed, self.children = off, tag, text, None, []

    @property
    def attrs(self):
        if self.parsed is None:
            self.parsed, name = {}, None
            for line in self.text.split(b"\n")[1:]:
                m = ATTR.match(line)
                if m:
                    name = m[1].decode()
                    self.parsed[name] = m[2].decode("utf-8", "replace")
                elif name:
                    self.parsed[name] += "\n" + line.decode("utf-8", "replace").strip()
            self.text = None
            self.parsed = {k: v[:-1] if v.endswith(")") else v for k, v in self.parsed.items()}
        return self.parsed

    @property
    def ranges(self):
        a = self.attrs
        if "ranges" in a:
            return [(int(x, 16), int(y, 16)) for x, y in
                    re.findall(r"\[0x([0-9a-f]+), 0x([0-9a-f]+)\)", a["ranges"])]
        if "low_pc" in a and "high_pc" in a:
            return [(int(a["low_pc"].split()[0], 16), int(a["high_pc"].split()[0], 16))]
        return []

    def covers(self, pc):
        return any(s <= pc < e for s, e in self.ranges)


class Dies(dict):
    """DIEs by offset."""
    unit = 0 # offset of the one that is looked at

    def add(self, text):
        """Those of one unit's text; returns its functions that have code."""
        functions, around = [], [None] * 256 # by level; None: of a tag that is not kept
        for part in text.split(b"\n\n"):
            m = HEAD.match(part)
            if not m:
                continue
            level, die = (len(m[2]) - 1) // 2, None
            if m[4]: # the arguments in it are its function's
                die = around[level - 1]
            if m[3]:
                die = Die(int(m[1], 16), m[3].decode(), part)
                self[die.off] = die
                if around[level - 1]:
                    around[level - 1].children.append(die)
                if die.tag == "subprogram" and (b"DW_AT_low_pc\t" in part or
                                                b"DW_AT_ranges\t" in part):
                    functions.append(die)
            around[level] = die
        return functions

    def around(self, die):
        """The one that a DIE stands in."""
        off = die.off - 1
        while off >= self.unit:
            if off in self and die in self[off].children:
                return self[off]
            off -= 1
        return None

    def linked(self, die, attr):
        m = re.match(r"0x([0-9a-f]+)", die.attrs.get(attr, ""))
        return self.get(int(m[1], 16)) if m else None

    def find(self, die, attr):
        """An attribute of a DIE or of what it is an instance of."""
        for _ in range(8):
            if attr in die.attrs:
                return die.attrs[attr]
            die = self.linked(die, "abstract_origin") or self.linked(die, "specification")
            if not die:
                return None
        return None


def sizes(path):
    """(offset, size) of each unit that has code."""
    out = subprocess.run([LLVM, "--debug-info", "-r", "0", path], stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL).stdout
    heads = list(UNIT.finditer(out))
    ends = [m.start() for m in heads[1:]] + [len(out)]
    return [(int(m[1], 16), int(m[2], 16)) for m, end in zip(heads, ends)
            if CODE_HERE.search(out, m.end(), end)]


def texts(path, wanted):
    """(offset, text) of each unit that is wanted; None: of all."""
    run = subprocess.Popen([LLVM, "--debug-info", path], stdout=subprocess.PIPE,
                           stderr=subprocess.DEVNULL)
    at, parts, rest = None, [], b""
    while True:
        bite = run.stdout.read(BITE)
        data = rest + bite
        # what ends in the middle of a line waits for the rest of it
        end = data.rfind(b"\n") + 1 if bite else len(data)
        data, rest = data[:end], data[end:]
        done = 0
        for m in UNIT.finditer(data):
            if at is not None:
                parts.append(data[done:m.start()])
                yield at, b"".join(parts)
            at, parts, done = int(m[1], 16), [], m.start()
            at = at if wanted is None or at in wanted else None
        if at is not None:
            parts.append(data[done:])
        if not bite:
            break
    if at is not None:
        yield at, b"".join(parts)
    run.wait()


def read(path, wanted, whole):
    """(offset, DIEs, functions with code) of each unit that is wanted; all of them at last where
    they may refer to each other."""
    if not whole:
        for off, text in texts(path, wanted):
            dies = Dies()
            dies.unit = off
            yield off, dies, dies.add(text)
        return
    dies, found = Dies(), []
    for off, text in texts(path, None):
        found.append((off, dies.add(text)))
    for off, functions in found:
        dies.unit = off
        if off in wanted:
            yield off, dies, functions
