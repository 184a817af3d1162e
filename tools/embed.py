#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Turns a text file into a C header with a NUL-ended array: embed.py IN OUT NAME."""

import sys


def main(source, header, name):
    with open(source, "rb") as f:
        data = f.read() + b"\0"
    with open(header, "w", encoding="ascii") as f:
        f.write("/* Made from %s by embed.py. */\n" % source.rsplit("/", 1)[-1])
        f.write("static const char %s[] = {\n" % name)
        for i in range(0, len(data), 20):
            # char may be signed
            row = (b - 256 if b > 127 else b for b in data[i : i + 20])
            f.write("\t" + ",".join(map(str, row)) + ",\n")
        f.write("};\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
