# SPDX-License-Identifier: Apache-2.0
"""What including a header costs who includes it: lines after preprocessing and seconds of the compiler.

header_cost.py [--seconds] COMPILER INCLUDE_DIR [FLAGS...]

Lines are those of `g++ -E -P`: without blank ones and without the markers that say where the others came from. Seconds
are user time, the least of five runs, of a compiler that only checks; they decide only when asked for (--seconds), by
hand on a quiet machine.
"""

import resource
import subprocess
import sys

# (header, most lines, most seconds)
BUDGETS = (("shoal/net/connection.hpp", 60_000, 1.0),)
RUNS = 5


def run(command, source):
    return subprocess.run(command, input=source, capture_output=True, text=True, check=True).stdout


def user_seconds(command, source):
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    run(command, source)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


def main():
    arguments = sys.argv[1:]
    by_time = arguments[0] == "--seconds"
    compiler, include_dir, *flags = arguments[by_time:]
    command = [compiler, "-std=c++23", "-x", "c++", f"-I{include_dir}", *flags]
    failed = 0
    for header, most_lines, most_seconds in BUDGETS:
        source = f"#include <{header}>\n"
        lines = run([*command, "-E", "-P", "-"], source).count("\n")
        seconds = min(user_seconds([*command, "-fsyntax-only", "-"], source) for _ in range(RUNS))
        within = lines < most_lines and (seconds < most_seconds or not by_time)
        failed += not within
        print(f"{header}: {lines} lines (below {most_lines}), {seconds:.2f} s (below {most_seconds})"
              f"{'' if within else ': TOO MUCH'}")
    print(f"{len(BUDGETS) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
