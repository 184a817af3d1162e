#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What compilers write into DWARF beside what docs/format.md says of it.

    tests/dwarf/oracle-attributes.py [FILE...]

Of each FILE, or of the debug file that its build-id names, llvm-dwarfdump tells all abbreviations.
Every kind of DIE in them must be named in docs/format.md, as kept or as left out with the reason;
so must every attribute of those that an urf is made of, and of what lies in functions.
"""
import fnmatch
import pathlib
import re
import shutil
import subprocess
import sys

SKIP = 77
DWARFDUMP = shutil.which('llvm-dwarfdump-19') or shutil.which('llvm-dwarfdump')
PAGE = pathlib.Path(__file__).resolve().parents[2] / 'docs/format.md'
READ = {'DW_TAG_' + name for name in (
    'compile_unit partial_unit skeleton_unit subprogram inlined_subroutine lexical_block try_block '
    'catch_block call_site GNU_call_site call_site_parameter GNU_call_site_parameter label '
    'entry_point namespace').split()}


def run(*args):
    return subprocess.run([str(a) for a in args], check=True, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout


def debug_file(path):
    build_id = re.search(r'Build ID: (\w\w)(\w+)', run('readelf', '-nW', path))
    if build_id:
        place = pathlib.Path(f'/usr/lib/debug/.build-id/{build_id[1]}/{build_id[2]}.debug')
        if place.exists():
            return place
    return path


def written(path):
    """Pairs of a tag and an attribute, '' for the tag itself."""
    tag, found = '', set()
    for line in run(DWARFDUMP, '--debug-abbrev', debug_file(path)).splitlines():
        words = line.split()
        if len(words) > 1 and words[1].startswith('DW_TAG_'):
            tag = words[1]
            found.add((tag, ''))
        elif words and words[0].startswith('DW_AT_'):
            found.add((tag, words[0]))
    return found


def is_named(name, named):
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in named)


def main():
    if not DWARFDUMP:
        print('there is no llvm-dwarfdump')
        sys.exit(SKIP)
    named = set(re.findall(r'`(DW_(?:AT|TAG)_[\w*]+)`', PAGE.read_text()))
    pairs = 0
    missing = {}
    for path in sys.argv[1:]:
        for tag, attribute in written(path):
            if attribute and tag not in READ:
                continue
            pairs += 1
            name = attribute or tag
            if not is_named(name, named):
                missing.setdefault(f'{name} of {tag}', path)
    print(f'{len(sys.argv) - 1} files, {pairs} kinds of DIEs and attributes of them, '
          f'{len(missing)} not named in docs/format.md')
    for name, path in sorted(missing.items()):
        print(f'  {name}, in {path}')
    if not pairs:
        print('nothing to compare')
        sys.exit(SKIP)
    sys.exit(1 if missing else 0)


main()
