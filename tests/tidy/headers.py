#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compiles every header alone, so that none leans on what its includer happened to include before.

    headers.py --root DIR --compiler CXX --cache DIR -- FLAGS...

A header that compiled is not compiled again until it, or one of ours that it includes, changes.
"""

import argparse
import concurrent.futures
import hashlib
import os
import pathlib
import subprocess
import sys

import includes
from tree import LIBRARY, load


def include_line(path):
    """How this header is included by its users; an app's own is relative to apps/."""
    folder, _, rest = path.partition("/")
    if folder in LIBRARY:
        return f"#include <shoal/{path}>\n"
    return f'#include "{rest}"\n' if folder == "apps" else f"#include <{path}>\n"


def fingerprint(tree, edges, path, command):
    digest = hashlib.sha256(repr(command).encode())
    for name in sorted(includes.closure(edges, path)):
        digest.update(name.encode() + b"\0" + tree.files[name].text.encode() + b"\0")
    return digest.hexdigest()


def compile_alone(path, command, language):
    result = subprocess.run([*command, "-fsyntax-only", "-x", language, "-"], input=include_line(path).encode(),
                            capture_output=True, check=False)
    return path, result.returncode, result.stderr.decode(errors="replace")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", required=True)
    parser.add_argument("--compiler", required=True)
    parser.add_argument("--cache", required=True, type=pathlib.Path)
    parser.add_argument("flags", nargs="*")
    options = parser.parse_args()

    tree = load(options.root)
    edges = includes.graph(tree)
    version = subprocess.run([options.compiler, "--version"], capture_output=True, check=True).stdout.decode()
    command = [options.compiler, *options.flags]
    options.cache.mkdir(parents=True, exist_ok=True)

    waiting = {}
    # A .h of the tests belongs to the C programs there.
    headers = [file.path for file in tree.cpp() if file.suffix == ".hpp"]
    for path in headers:
        stamp = options.cache / fingerprint(tree, edges, path, [version, *command])
        if not stamp.exists():
            waiting[path] = stamp

    bad = 0
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        jobs = [pool.submit(compile_alone, path, command, "c++") for path in waiting]
        for job in concurrent.futures.as_completed(jobs):
            path, status, errors = job.result()
            if status == 0:
                waiting[path].touch()
            else:
                bad += 1
                print(f"{path}:1: self-contained: does not compile alone (include what it uses)\n{errors}")
    print(f"{len(headers)} headers, {len(waiting)} compiled, {bad} bad")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
