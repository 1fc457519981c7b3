#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What rebalancing is worth: ./tests/bench/skew.py [BIN_DIRECTORY] [SECONDS]

Two shards, 64 connections that are all accepted on shard 0, 200 us of CPU per request. Runs shoal-echo with --rebalance
off and auto, as callbacks and as coroutines, and compares throughput from the second second on. bench_load checks every
answer: a lost, doubled or shuffled byte, or a reset, fails the run. Connections may move in the first two seconds only.
"""

import json
import pathlib
import re
import socket
import subprocess
import sys
import time

ROW = re.compile(r"^ *(\d+|all) +(\d+) +(\d+)% +(\d+)$")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port):
    for _ in range(500):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.01)
    sys.exit("shoal-echo does not listen")


def measure(binaries, mode, style, seconds):
    """Requests a second; moves before and in the measured window; what was wrong with the answers."""
    port = free_port()
    echo = subprocess.Popen(
        [binaries / "shoal-echo", "--listen", f"127.0.0.1:{port}", "--shards", "2", "--cpus", "0-1", "--distribution",
         "fixed:0", "--work", "200us", "--rebalance", mode, "--style", style, "--stats"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        wait_for(port)
        load = subprocess.run([binaries / "bench_load", "--port", str(port), "--connections", "64", "--size", "128",
                               "--warm-up", "2", "--seconds", str(seconds)],
                              capture_output=True, text=True, check=False)
    finally:
        echo.terminate()
    rows = [ROW.match(line) for line in echo.communicate()[0].splitlines()]
    moves = [int(row[4]) for row in rows if row and row[1] == "all"]
    early = 3  # one row a second, the first of them before the load began
    return {"per_second": json.loads(load.stdout)["per_second"], "early": sum(moves[:early]),
            "late": sum(moves[early:]), "wrong": load.stdout if load.returncode else ""}


def main():
    here = pathlib.Path(__file__).resolve().parents[2]
    binaries = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here / "build" / "release" / "bin"
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 30
    failed = False
    print(f"{'style':10} {'rebalance':10} {'requests/s':>11} {'ratio':>6} {'moves <= 2 s':>13} {'later':>6}  wrong")
    for style in ("callback", "coroutine"):
        base = None
        for mode in ("off", "auto"):
            got = measure(binaries, mode, style, seconds if mode == "auto" else min(seconds, 10))
            base = base or got["per_second"]
            ratio = got["per_second"] / base
            print(f"{style:10} {mode:10} {got['per_second']:11.0f} {ratio:6.2f} {got['early']:13} {got['late']:6}  "
                  f"{got['wrong'] or 'nothing'}", flush=True)
            failed |= bool(got["wrong"]) or (mode == "auto" and (ratio < 1.8 or got["late"] != 0))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
