# SPDX-License-Identifier: Apache-2.0
"""The tables of byte strings in tests/net/data, each row with what must come of it; the unit tests read them too."""

import collections
import pathlib
import re
import time

from rig import connect, exchange, replied

DATA = pathlib.Path(__file__).resolve().parents[1] / "net" / "data"
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
ESCAPES = {"r": "\r", "n": "\n", "t": "\t", "0": "\0"}
WORD = re.compile(r" *(?:'(?P<text>(?:[^'\\]|\\.)*)'|(?P<name>SIG)|(?P<hex>[0-9a-f]+))(?:\*(?P<times>\d+))?")

Row = collections.namedtuple("Row", "data why rule line")


def bytes_of(words):
    """'text with \\r \\n \\0 \\t', hexadecimal, SIG; WORD*N."""
    out, position = b"", 0
    while position < len(words.rstrip()):
        found = WORD.match(words, position)
        if not found:
            raise ValueError(f"no bytes: {words[position:]}")
        if found["text"] is not None:
            part = re.sub(r"\\(.)", lambda m: ESCAPES.get(m[1], m[1]), found["text"]).encode("latin-1")
        else:
            part = SIGNATURE if found["name"] else bytes.fromhex(found["hex"])
        out += part * int(found["times"] or 1)
        position = found.end()
    return out


def rows(name):
    found = []
    for number, line in enumerate((DATA / name).read_text(encoding="utf-8").splitlines(), 1):
        if line and not line.startswith("#"):
            words, why, rule = line.split(" | ")
            found.append(Row(bytes_of(words), why.strip(), rule.strip(), number))
    return found


def check_refused(case, port, bad, neighbour, within_s):
    """Who says one of the rows is closed without a reply, soon, and the neighbour is served all the time."""
    for row in bad:
        began = time.monotonic()
        with connect(port) as client:
            client.sendall(row.data)
            case.assertEqual(replied(client), b"", f"line {row.line}")
        case.assertLess(time.monotonic() - began, within_s, f"line {row.line}: {row.rule}")
        case.assertEqual(exchange(neighbour, b"still here"), b"still here")
