#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the rules of the house: ./tests/tidy/tidy.py [ROOT]

Prints `file:line: rule: what (what to do)` for every breach and, last, how many rules hold. Exit status 1 on a breach.
"""

import pathlib
import sys

import calls
import contract
import coroutines
import exceptions
import includes
import markdown
import style
from tree import Finding, load

CHECKS = (
    includes.check_directions,
    includes.check_cycles,
    includes.check_own_header_first,
    style.check_top_level,
    style.check_vague_names,
    style.check_licence_line,
    style.check_header_form,
    style.check_line_length,
    style.check_file_length,
    style.check_function_length,
    style.check_leftovers,
    coroutines.check,
    calls.check_banned,
    calls.check_copies,
    calls.check_thread_local,
    contract.check,
    markdown.check_titles,
    markdown.check_links,
)


def matches(place, path):
    return path.startswith(place) if place.endswith("/") else path == place


def excuse(findings, allowed):
    """What is left after the named exceptions, and a finding for each exception that excused nothing."""
    used, left = set(), []
    for finding in findings:
        place = next((place for place in allowed.get(finding.rule, {}) if matches(place, finding.path)), None)
        if place is None:
            left.append(finding)
        else:
            used.add((finding.rule, place))
    left += [Finding("tests/tidy/exceptions.py", 1, "exception", f"{rule} for {place} excuses nothing", "delete it")
             for rule, places in allowed.items() for place in places if (rule, place) not in used]
    return left


def main(root):
    tree = load(root)
    results = [check(tree) for check in CHECKS]
    left = excuse([finding for findings in results for finding in findings], exceptions.EXCEPTIONS)
    for note in style.notes_on_file_length(tree):
        print(note)
    for finding in sorted(left):
        print(finding)
    failed = sum(any(finding in left for finding in findings) for findings in results)
    failed += any(finding.rule == "exception" for finding in left)
    print(f"{len(CHECKS) + 1 - failed} passed, {failed} failed")
    return 1 if left else 0


if __name__ == "__main__":
    default = pathlib.Path(__file__).resolve().parents[2]
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else default))
