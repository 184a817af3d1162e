#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""diff.py TURF: `turf diff` and abidiff, asked of the same libraries.

Each change of tests/cli/test-diff.py is a pair of libraries of its own, and so is each that does
not count. Says which of the two tells it. It fails where turf misses a change, or tells one that is
none. It says so and ends where there is no abidiff."""
import importlib.util
import pathlib
import shutil
import subprocess
import sys
import tempfile

TESTS = pathlib.Path(__file__).resolve().parent.parent / 'cli'
ABI_CHANGE, ABI_FAILED = 4, 3 # bits of abidiff's exit status


def load():
    sys.path.insert(0, str(TESTS))
    spec = importlib.util.spec_from_file_location('test_diff', TESTS / 'test-diff.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def compile_one(folder, text, language):
    folder.mkdir(parents=True)
    (folder / f'code.{language}').write_text('volatile int sink;\n' + text + '\n')
    subprocess.run(['g++' if language == 'cc' else 'gcc', '-g', '-O1', '-shared', '-fPIC', '-o', folder / 'code.so',
                    folder / f'code.{language}'], check=True)
    return folder / 'code.so'


def asks(turf, folder, old, new):
    """Who tells a change: turf, abidiff, abidiff that tells harmless ones too."""
    result = subprocess.run([turf, 'diff', '--store', folder / 'store', old, new], stdout=subprocess.DEVNULL)
    if result.returncode not in (0, 1):
        sys.exit('turf diff failed')
    answers = [result.returncode == 1]
    for options in [], ['--harmless']:
        status = subprocess.run(['abidiff', *options, old, new], stdout=subprocess.DEVNULL).returncode
        if status & ABI_FAILED:
            sys.exit('abidiff failed')
        answers.append(bool(status & ABI_CHANGE))
    return answers


def main():
    if not shutil.which('abidiff'):
        print('no abidiff: nothing compared')
        return 0
    test = load()
    cases = [(name, old, new, test.users([change]), 'c', True)
             for change in test.C_CHANGES for name, old, new, _ in [change]]
    cases += [(name, old, new, [], 'cc', True) for name, old, new, _ in test.CXX_CHANGES]
    cases += [(f'does not count, {i}', old, new, [], 'c', False) for i, (old, new) in enumerate(test.C_SAME, 1)]
    counts, wrong = {True: [0, 0, 0, 0], False: [0, 0, 0, 0]}, 0
    with tempfile.TemporaryDirectory(prefix='turf-diff-') as name:
        for i, (what, old, new, more, language, counted) in enumerate(cases):
            folder, same = pathlib.Path(name), '\n' + '\n'.join(more)
            libraries = [compile_one(folder / str(i) / side, text + same, language)
                         for side, text in (('old', old), ('new', new))]
            answers = asks(sys.argv[1], folder, *libraries)
            wrong += answers[0] != counted
            counts[counted] = [a + b for a, b in zip(counts[counted], [1, *answers])]
            if len({counted, *answers}) > 1:
                said = ', '.join(f"{who} {'tells' if a else 'does not tell'} it"
                                 for who, a in zip(('turf', 'abidiff', 'abidiff --harmless'), answers))
                print(f'{what}: {said}')
    for counted, (n, *told) in counts.items():
        print(f"{n} {'changes' if counted else 'that do not count'}: turf tells {told[0]}, abidiff {told[1]}, "
              f'with --harmless {told[2]}')
    return wrong > 0


if __name__ == '__main__':
    sys.exit(main())
