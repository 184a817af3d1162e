#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Turf's types beside those of other tools.

    layouts.py TURF [--pahole-output TEXT] FILE...       all structures and unions, with pahole
    layouts.py TURF --gdb [-n COUNT] [--seed N] FILE...  random ones, with gdb's ptype /o
    layouts.py TURF --methods [-n COUNT] [--seed N] FILE...  methods of these, with gdb's ptype

Each structure that pahole prints must be one of those that Turf shows under that name, with the
same members in the same order, of the same offsets and sizes, down into structures without
names; and each name that Turf shows must be one that pahole prints. pahole prints one structure
of each name and none that stands in a function or that it cannot compute; so names it lacks are
counted, and fail the run only where the DWARF has them at the top of a unit. Of gdb's answers,
which come by name, the sizes and the members of its first answer are compared.

Methods are those that the class declares: which of its templates' members a unit has depends on
the unit, and these are not compared; nor is what gdb does not tell (explicit, deleted).

Exit status: 0 the same, 1 not, 77 a tool is missing.
"""
import argparse
import collections
import json
import random
import re
import shutil
import subprocess
import sys

LINE = re.compile(r"^(.*?);\s*/\*\s*(\d+)(?::\s*(\d+))?\s+(\d+)\s*\*/$")
ATTRIBUTE = re.compile(r"\s*__attribute__\(\(\w+(?:\(\d+\))?\)\)")


def declared_name(text):
    """The name that a C declaration is of; "" of an anonymous member."""
    text = ATTRIBUTE.sub("", text).strip()
    m = re.search(r"\(\*+\s*(?:const |volatile )?\s*(\w+)", text)
    if m:
        return m[1]
    text = re.sub(r"\s*:\s*\d+$", "", text)
    text = re.sub(r"(\[\d*\])+$", "", text)
    if text.startswith("}"):
        return text[1:].strip(" *")
    m = re.search(r"(\w+)$", text)
    return m[1] if m else ""


def parse_pahole(text):
    """(kind, name, size or None, [(name, offset in bits, size)]) of all top-level types."""
    kind = None
    for line in text.splitlines():
        m = re.match(r"^(struct|union) (\w+) \{", line)
        if m:
            kind, name, size, members = m[1], m[2], None, []
            continue
        if kind is None:
            continue
        if line.startswith("}"):
            yield kind, name, size, members
            kind = None
            continue
        m = re.search(r"/\* size: (\d+)", line)
        if m:
            size = int(m[1])
        m = LINE.match(line.strip())
        if m:
            members.append((declared_name(m[1]), int(m[2]) * 8 + int(m[3] or 0), int(m[4])))


def flatten(items, base=0):
    """The same list out of what `turf show --json` says."""
    for item in items:
        if item["item"] != "member" or "bit_offset" not in item:
            continue
        at = base + item["bit_offset"]
        if item.get("kind_of_type") in ("struct", "union", "class"):
            yield from flatten(item["items"], 0 if item.get("pointed") else at)
        yield item.get("name", ""), at, item["size"]


def turf_types(turf, path):
    """name -> [(kind, size, members)]"""
    out = subprocess.run([turf, "show", "-e", path, "--all", "--json"], check=True,
                         stdout=subprocess.PIPE).stdout
    types = collections.defaultdict(list)
    for line in out.decode("utf-8", "replace").splitlines():
        t = json.loads(line)
        if t["kind"] in ("struct", "union", "class"):
            types[t["name"]].append((t["kind"], t["size"], list(flatten(t["items"]))))
    return types


def beside_pahole(turf, path, text, show):
    ours = turf_types(turf, path)
    if text is None:
        text = subprocess.run(["pahole", "-F", "dwarf", path], stdout=subprocess.PIPE, check=True,
                              stderr=subprocess.DEVNULL).stdout.decode("utf-8", "replace")
    same, different, missing, names, atomic = 0, [], [], set(), 0
    for kind, name, size, members in parse_pahole(text):
        names.add(name)
        mine = [t for t in ours.get(name, ()) if t[0] == kind]
        if not mine:
            missing.append(name)
        elif any(size in (None, t[1]) and t[2] == members for t in mine):
            same += 1
        elif any(members == [(n, at, 0 if n in atomics else b) for n, at, b in t[2]]
                 for t in mine for atomics in [{m[0] for m in members if m[2] == 0}]):
            atomic += 1
        else:
            different.append((name, size, members, mine))
    # pahole says nothing of types in functions, and of empty ones no size
    more = sorted(n for n in ours if n not in names and "::" not in n and
                  any(t[1] for t in ours[n]))
    print(f"{path}: {same} structures and unions as pahole's, {len(different)} different, "
          f"{atomic} but for atomic members, whose size pahole takes for 0, "
          f"{len(missing)} not known, {len(more)} that pahole does not print")
    for name, size, members, mine in different[:show]:
        print(f"  {name}: pahole {size} bytes")
        for kind, my_size, my_members in mine:
            print(f"    turf {my_size} bytes")
            for a, b in zip(members + [None] * len(my_members), my_members + [None] *
                            len(members)):
                if a != b:
                    print(f"      pahole {a} turf {b}")
                    break
    for name in missing[:show]:
        print(f"  not known: {name}")
    for name in more[:show]:
        print(f"  not of pahole: {name}")
    return same and not different and not missing


OFFSET = re.compile(r"^/\*\s*(?:(\d+)(?::\s*(\d+))?\s*\|)?\s*(\d+)\s*\*/\s*(.*)$")


def parse_ptype(text):
    """(size, [(name, offset in bits, size)]) of one answer of ptype /o, at its top level."""
    members, depth, size = [], 0, None
    for line in text.splitlines():
        m = re.match(r"^\s*/\* total size(?: \(bytes\))?:\s+(\d+)", line)
        if m and depth <= 1:
            size = int(m[1])
        if line.startswith("/* offset"):
            depth = 1
            continue
        m = OFFSET.match(line)
        body = m[4] if m else line
        if m and depth == 1 and m[1] is not None and body.rstrip().endswith(";"):
            members.append((declared_name(body.rstrip().rstrip(";")),
                            int(m[1]) * 8 + int(m[2] or 0), int(m[3])))
        depth += body.count("{") - body.count("}")
        if re.match(r"^\s*\}", body) and depth == 1 and body.strip() != "}":
            m2 = re.match(r"^\s*\}\s*(\w*)", body)
            members.append((m2[1], None, None))
    return size, members


def beside_gdb(turf, path, count, seed, show):
    ours = turf_types(turf, path)
    # gdb cannot take these as expressions
    names = sorted(n for n in ours if not re.search(r"[{}()]|lambda|\bauto\b|[-'\"]", n) and
                   len(n) < 400)
    random.Random(seed).shuffle(names)
    names = names[:count]
    script = "set pagination off\nset width 0\nset print type methods off\n" \
             "set print type typedefs off\nset max-value-size unlimited\n"
    for i, name in enumerate(names):
        kind = ours[name][0][0]
        word = "union " if kind == "union" else "struct "
        script += f"echo @@{i}\\n\nptype/o {word}{name}\n"
    # on its standard input an unknown name does not end it
    out = subprocess.run(["gdb", "-nx", "-q", path], input=script.encode(),
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said = out.stdout.decode("utf-8", "replace").replace("(gdb) ", "")
    answers = re.split(r"^@@(\d+)$", said, flags=re.M)[1:]
    same, unknown, different = 0, [], []
    for i, text in zip(answers[::2], answers[1::2]):
        name = names[int(i)]
        size, members = parse_ptype(text)
        if size is None:
            unknown.append((name, text.strip().split("\n")[0]))
            continue
        if any(agrees(size, members, t) for t in ours[name]):
            same += 1
        else:
            different.append((name, size, members, ours[name]))
    print(f"{path}: {same} of {len(names)} types as gdb's, {len(different)} different, "
          f"{len(unknown)} that gdb does not lay out")
    for name, why in unknown[:show]:
        print(f"  {name}: {why}")
    for name, size, members, mine in different[:show]:
        print(f"  {name}: gdb {size} {members}")
        for t in mine:
            print(f"    turf {t[1]} {t[2]}")
    return same and not different


METHOD = re.compile(r"^\s+(?P<how>(?:static |virtual )*)(?P<all>[^;]*\)(?: (?:const|volatile))*);$")


def plain(text):
    """A type as both write it."""
    for ours, gdb in (("long long unsigned int", "unsigned long long"), ("long long int", "long long"),
                      ("long unsigned int", "unsigned long"), ("long int", "long"),
                      ("short unsigned int", "unsigned short"), ("short int", "short")):
        text = re.sub(rf"\b{ours}\b", gdb, text)
    text = re.sub(r"\b(struct|class|union|enum) ", "", text)
    text, n = re.subn(r"\bconst\b", "", text)  # which stands before or behind what it is about
    return re.sub(r"\s+", "", text) + n * "#"


def arguments(text):
    """Where the last parentheses of "f(int) const" open."""
    depth = 0
    for i in range(text.rindex(")"), -1, -1):
        depth += (text[i] == ")") - (text[i] == "(")
        if depth == 0:
            return i
    return 0


def is_template(name):
    m = re.match(r"operator(?:\(\)|\[\]|<=>|<<=?|>>=?|<=|>=|->\*?|<|>|[^<]*)(.*)$", name)
    return "<" in (m[1] if m else name)


def gdb_methods(text):
    """{(access, how, name, parameters, const or volatile)}"""
    access, found = None, set()
    for line in text.splitlines():
        m = re.match(r"^\s+(public|protected|private):$", line)
        if m:
            access = {"public": 1, "protected": 2, "private": 3}[m[1]]
            continue
        m = METHOD.match(line)
        if not m or "{" in line:
            continue
        all_ = m["all"]
        at = arguments(all_)
        name = (re.search(r"\b(operator\b.*?)\s*$", all_[:at]) or
                re.search(r"(~?[\w$]+(?:<.*>)?)\s*$", all_[:at]))
        if not name:
            continue
        close = all_.rindex(")")
        parameters = all_[at + 1:close]
        # gdb takes a destructor for virtual only where its place in the table is told
        found.add((access, "" if name[1][0] == "~" else m["how"].strip(), plain(name[1]),
                   "" if parameters == "void" else plain(parameters), all_[close + 1:].strip()))
    return found


def turf_methods(line):
    t = json.loads(line)
    usual = 3 if t["kind"] == "class" else 1
    for m in t.get("methods", ()):
        parameters = list(m["parameters"]) + (["..."] if m.get("variadic") else [])
        yield (m.get("access", usual), "static" if m.get("static") else
               "virtual" if m.get("virtual") and m["name"][0] != "~" else "",
               plain(m["name"]), plain(",".join(parameters)),
               " ".join(w for w in ("const", "volatile") if m.get(w)))


def methods_beside_gdb(turf, path, count, seed, show):
    out = subprocess.run([turf, "show", "-e", path, "--all", "--json"], check=True,
                         stdout=subprocess.PIPE).stdout
    ours = collections.defaultdict(list)
    for line in out.decode("utf-8", "replace").splitlines():
        if '"methods":[' in line:
            ours[json.loads(line)["name"]].append(set(turf_methods(line)))
    names = sorted(n for n in ours if not re.search(r"[{}()]|lambda|\bauto\b|[-'\"]", n) and
                   len(n) < 400)
    random.Random(seed).shuffle(names)
    names = names[:count]
    script = "set pagination off\nset width 0\nset print type typedefs off\n" \
             "set print type nested-type-limit 0\n"
    for i, name in enumerate(names):
        script += f"echo @@{i}\\n\nptype/r struct {name}\n"
    out = subprocess.run(["gdb", "-nx", "-q", path], input=script.encode(),
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said = out.stdout.decode("utf-8", "replace").replace("(gdb) ", "")
    answers = re.split(r"^@@(\d+)$", said, flags=re.M)[1:]
    same, unknown, different, compared = 0, 0, [], 0
    for i, text in zip(answers[::2], answers[1::2]):
        name = names[int(i)]
        if not text.lstrip().startswith("type = "):
            unknown += 1
            continue
        wanted = {m for m in gdb_methods(text) if not is_template(m[2])}
        compared += len(wanted)
        mine = [{m for m in t if not is_template(m[2])} for t in ours[name]]
        # what gdb writes as {...} could not be read
        if wanted in mine or ("{...}" in text and any(wanted <= m for m in mine)):
            same += 1
        else:
            different.append((name, wanted, mine))
    print(f"{path}: methods of {same} of {len(names)} classes as gdb's ({compared} methods), "
          f"{len(different)} different, {unknown} that gdb does not know")
    for name, wanted, mine in different[:show]:
        nearest = min(mine, key=lambda m: len(m ^ wanted))
        print(f"  {name}: only gdb {sorted(wanted - nearest)[:3]}, only turf {sorted(nearest - wanted)[:3]}")
    return same and not different


def agrees(size, members, mine):
    """gdb shows what has no name, and what it stands for, in its own ways: named members that
    both show must be the same."""
    known = collections.defaultdict(set)
    for name, at, bytes_ in mine[2]:
        known[name].add((at, bytes_))
    return size == mine[1] and all(
        at is None or not name or (at, bytes_) in known[name] for name, at, bytes_ in members)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("turf")
    parser.add_argument("files", nargs="+")
    parser.add_argument("--pahole-output")
    parser.add_argument("--gdb", action="store_true")
    parser.add_argument("--methods", action="store_true")
    parser.add_argument("-n", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--list", type=int, default=10)
    args = parser.parse_args()
    if not shutil.which("gdb" if args.gdb or args.methods else "pahole"):
        print("a tool is missing")
        return 77
    text = None
    if args.pahole_output:
        with open(args.pahole_output, encoding="utf-8", errors="replace") as file:
            text = file.read()
    ok = True
    for path in args.files:
        if args.methods:
            ok &= methods_beside_gdb(args.turf, path, args.n, args.seed, args.list)
        elif args.gdb:
            ok &= beside_gdb(args.turf, path, args.n, args.seed, args.list)
        else:
            ok &= beside_pahole(args.turf, path, text, args.list)
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
