#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Counts test cases after a ctest run, and says what was skipped and why.

    summary.py --ctest-status N DIRECTORY

DIRECTORY holds ctest.xml (ctest --output-junit) and, for each program made with shoal_test, NAME.xml with its cases.
A ctest entry without such a file counts by what it printed (a unittest summary, or "N passed, N failed"), else as one
case. A skip is a line "SKIP: name: reason". The exit status is 0 only if at least one case ran and none failed.
"""

import argparse
import dataclasses
import pathlib
import re
import sys
import xml.etree.ElementTree as xml

SKIP_LINE = re.compile(r"^SKIP: (?P<name>\S+): (?P<reason>.+)$", re.MULTILINE)
COUNT_LINE = re.compile(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", re.MULTILINE)
UNITTEST_RAN = re.compile(r"^Ran (\d+) tests? in ", re.MULTILINE)
UNITTEST_END = re.compile(r"^(?:OK|FAILED)(?: \((?P<parts>[^)]*)\))?$", re.MULTILINE)
UNITTEST_SKIP = re.compile(r"^(?P<name>\w+) \(.*\) \.\.\. skipped ['\"](?P<reason>.*)['\"]$", re.MULTILINE)
# Boost.Test writes the values it compared as they are, and XML has no way to say a zero byte.
NO_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
UNITTEST_BAD = re.compile(r"^(?:FAIL|ERROR): (?P<name>.+)$", re.MULTILINE)


@dataclasses.dataclass
class Tally:
    passed: int = 0
    failures: list = dataclasses.field(default_factory=list)
    skips: list = dataclasses.field(default_factory=list)

    def add(self, other):
        self.passed += other.passed
        self.failures += other.failures
        self.skips += other.skips


def printed_skips(program, output):
    return [f"{program}/{match['name']}: {match['reason'].strip()}" for match in SKIP_LINE.finditer(output)]


def boost_cases(program, file, output):
    """The cases in one Boost.Test JUnit file. One that printed a SKIP line returned early: it did not pass."""
    tally = Tally(skips=printed_skips(program, output))
    text = NO_XML.sub("?", file.read_text(encoding="utf-8", errors="replace"))
    for case in xml.fromstring(text).iter("testcase"):
        name = f"{program}/{case.get('classname', '').replace('.', '/')}/{case.get('name')}".replace("//", "/")
        if case.find("failure") is not None or case.find("error") is not None:
            tally.failures.append(name)
        elif case.find("skipped") is not None:
            tally.skips.append(f"{name}: switched off in the test's own declaration")
        else:
            tally.passed += 1
    tally.passed -= min(tally.passed, len(printed_skips(program, output)))
    return tally


def printed_cases(program, output):
    """The cases of a program that has no JUnit file of its own, from what it printed; None if it printed no count."""
    skips = printed_skips(program, output)
    if counts := COUNT_LINE.findall(output):
        passed, failed, skipped = (int(number or 0) for number in counts[-1])
        skips += [f"{program}: {skipped - len(skips)} more, not named"] if skipped > len(skips) else []
        return Tally(passed, [f"{program} ({failed} cases)"] * failed, skips)
    ran, end = UNITTEST_RAN.search(output), UNITTEST_END.search(output)
    if ran and end:
        parts = dict(part.split("=") for part in (end["parts"] or "").split(", ") if "=" in part)
        bad = [f"{program}/{match['name']}" for match in UNITTEST_BAD.finditer(output)]
        skips += [f"{program}/{match['name']}: {match['reason']}" for match in UNITTEST_SKIP.finditer(output)]
        return Tally(int(ran[1]) - len(bad) - int(parts.get("skipped", 0)), bad, skips)
    return None


def program_cases(entry, directory):
    """One ctest entry: its own cases, and one failure more if the program died without blaming a case."""
    program = entry.get("name")
    output = entry.findtext("system-out") or ""
    failed = entry.get("status") == "fail" or entry.find("failure") is not None
    if entry.get("status") in ("notrun", "disabled") or entry.find("skipped") is not None:
        reasons = printed_skips(program, output)
        if not reasons and "SKIP_" not in (skipped := entry.find("skipped")).get("message", ""):
            return Tally(failures=[f"{program}: could not run ({skipped.get('message')})"])
        return Tally(skips=reasons or [f"{program}: it did not say why"])
    file = directory / f"{program}.xml"
    try:
        tally = boost_cases(program, file, output) if file.exists() else printed_cases(program, output)
    except xml.ParseError:
        tally, failed = Tally(), True
    if tally is None:
        skips = printed_skips(program, output)
        tally = Tally(passed=0 if failed or skips else 1, skips=skips)
    if failed and not tally.failures:
        tally.failures.append(f"{program}: the program failed outside its cases (crash, timeout or exit status)")
    return tally


def summarize(directory):
    total = Tally()
    for entry in xml.parse(directory / "ctest.xml").iter("testcase"):
        total.add(program_cases(entry, directory))
    return total


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ctest-status", type=int, default=0)
    parser.add_argument("directory", type=pathlib.Path)
    options = parser.parse_args()
    try:
        total = summarize(options.directory)
    except (OSError, xml.ParseError) as error:
        total = Tally(failures=[f"ctest left no readable results: {error}"])
    if options.ctest_status and not total.failures:
        total.failures.append(f"ctest itself (exit status {options.ctest_status})")
    for failure in total.failures:
        print(f"failed: {failure}")
    for skip in total.skips:
        print(f"skipped: {skip}")
    print(f"{total.passed} passed, {len(total.failures)} failed, {len(total.skips)} skipped")
    sys.exit(0 if total.passed and not total.failures else 1)


if __name__ == "__main__":
    main()
