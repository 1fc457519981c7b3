#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs clang-tidy over the libraries and programs: ./tests/tidy/clang_tidy.py BUILD_DIRECTORY [PATH_PART...]

BUILD_DIRECTORY holds compile_commands.json. A source that passed is not looked at again until it, a header of ours that
it includes, its flags or the configuration changes. PATH_PART limits the run to sources whose path contains it.
"""

import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys

import headers
import includes
from tree import load

TOOL = "clang-tidy-19"
FOLDERS = ("apps/", "buffers/", "core/", "net/")


def run(path, directory):
    result = subprocess.run([TOOL, "--quiet", "-p", str(directory), path], capture_output=True, text=True, check=False)
    return path, result.returncode, result.stdout


def main(directory, wanted):
    root = pathlib.Path(__file__).resolve().parents[2]
    tree, cache = load(root), directory / "clang-tidy-cache"
    edges = includes.graph(tree)
    version = subprocess.run([TOOL, "--version"], capture_output=True, text=True, check=True).stdout
    basis = [version, (root / ".clang-tidy").read_text(encoding="utf-8")]
    cache.mkdir(exist_ok=True)

    waiting, total = {}, 0
    for entry in json.loads((directory / "compile_commands.json").read_text(encoding="utf-8")):
        try:
            path = str(pathlib.Path(entry["file"]).relative_to(root))
        except ValueError:
            continue
        if path not in tree or not path.startswith(FOLDERS) or (wanted and not any(part in path for part in wanted)):
            continue
        total += 1
        stamp = cache / headers.fingerprint(tree, edges, path, [*basis, entry["command"]])
        if not stamp.exists():
            waiting[path] = stamp

    bad, done = 0, 0
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        jobs = [pool.submit(run, str(root / path), directory) for path in waiting]
        for job in concurrent.futures.as_completed(jobs):
            path, status, output = job.result()
            done += 1
            path = str(pathlib.Path(path).relative_to(root))
            print(f"[{done}/{len(jobs)}] {path}", flush=True)
            if status == 0:
                waiting[path].touch()
            else:
                bad += 1
                print(output, flush=True)
    print(f"{total} sources, {len(waiting)} looked at, {bad} bad")
    return 1 if bad or not total else 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve(), sys.argv[2:]))
