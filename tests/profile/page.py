#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The flame graph's page is HTML whose data is JSON: page.py PROGRAM-THAT-PRINTS-IT."""

import html.parser
import json
import subprocess
import sys

VOID = {"meta", "input"}


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.open = []
        self.data = ""
        self.inside = False

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)
        self.inside = tag == "script" and dict(attrs).get("id") == "data"
        for name, value in attrs:
            assert name not in ("src", "href"), "fetches %s" % value

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, "</%s> ends nothing" % tag
        self.inside = False

    def handle_data(self, data):
        if self.inside:
            self.data += data


def check(data):
    nodes, functions = data["nodes"], data["functions"]
    assert data["format"] == "turf-report" and data["version"] == 1
    assert nodes[0][3] == data["samples"]
    for i, (parent, function, own, total) in enumerate(nodes):
        below = sum(n[3] for n in nodes[1:] if n[0] == i)
        assert i == 0 or parent < i
        assert function < len(functions if parent else data["processes"])
        assert total == own + below
    assert sum(f["self"] for f in functions) == data["samples"]


def main(program):
    page = Page()
    page.feed(subprocess.run([program], check=True, stdout=subprocess.PIPE).stdout.decode())
    page.close()
    assert not page.open, "left open: %s" % page.open
    check(json.loads(page.data))


if __name__ == "__main__":
    main(sys.argv[1])
