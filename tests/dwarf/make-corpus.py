#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes the seeds of fuzz-info and fuzz-line: the debug sections of a program made in some ways.

    make-corpus.py SOURCE FUZZ-CORPUS-FOLDER

The forms of the seeds are those that the two fuzz targets tell.
"""
import os
import struct
import subprocess
import sys
import tempfile

WAYS = {'.c': [('gcc', '-gdwarf-3'), ('gcc', '-gdwarf-4'), ('gcc', '-gdwarf-5')],
        '.cc': [('clang++-14', '-gdwarf-4'), ('clang++-14', '-gdwarf-5')]}
INFO = ['info', 'abbrev', 'str', 'line_str', 'str_offsets', 'addr', 'ranges', 'rnglists']


def section(program, name):
    out = program + '.section'
    subprocess.run(['objcopy', '-O', 'binary', f'--only-section=.debug_{name}',
                    '--set-section-flags', f'.debug_{name}=alloc', program, out], check=True)
    with open(out, 'rb') as f:
        return f.read()


def write(*path, parts):
    with open(os.path.join(*path), 'wb') as f:
        f.write(b''.join(parts))


def main():
    source, corpus = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        for cc, version in WAYS[os.path.splitext(source)[1]]:
            program = os.path.join(folder, 'program')
            subprocess.run([cc, '-O2', version, '-w', f'-ffile-prefix-map={os.getcwd()}=.',
                            source, '-o', program], check=True)
            s = {name: section(program, name) for name in INFO + ['line']}
            name = f'{cc}{version}.bin'
            sizes = struct.pack('<7H', *(len(s[n]) for n in INFO[:7]))
            write(corpus, 'info', name, parts=[b'\0', sizes] + [s[n] for n in INFO])
            write(corpus, 'line', name,
                  parts=[b'\0', struct.pack('<H', len(s['line_str'])), s['line_str'], s['line']])


main()
