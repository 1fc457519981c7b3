#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a second shard costs the first: ./tests/bench/two_shards.py [BIN_DIRECTORY] [ROUNDS] [SECONDS]

In turns: shoal-echo with one shard and a generator on CPU 0; with two shards and a generator on each of CPUs 0 and
1; and two programs of one shard each, which share nothing but the machine. Every connection is served on the CPU of
its generator (`--distribution incoming_cpu`), so a shard's work is the same in all, and what the CPU time per request
of the server rises by is the price of the company. At most 5 %. What the machine itself takes for a second busy CPU
(caches, clock, hypervisor) shows in the two programs; `beside two programs` is what is left for shoal.
"""

import json
import os
import pathlib
import statistics
import subprocess
import sys

from skew import free_port, wait_for

WARM_UP = 0.5


def start_echo(binaries, port, shards, cpus):
    return subprocess.Popen(
        [binaries / "shoal-echo", "--listen", f"127.0.0.1:{port}", "--shards", str(shards), "--cpus", cpus,
         "--distribution", "incoming_cpu"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def measure(binaries, shard_cpus, seconds):
    """Microseconds of the servers' CPU per request; `shard_cpus`: for each server the CPUs of its shards."""
    servers = []
    try:
        for cpus in shard_cpus:
            port = free_port()
            servers.append((start_echo(binaries, port, len(cpus), ",".join(map(str, cpus))), port))
            wait_for(port)
        loads = [subprocess.Popen(
            [binaries / "bench_load", "--port", str(port), "--cpu", str(cpu), "--connections", "32", "--size", "1024",
             "--warm-up", str(WARM_UP), "--seconds", str(seconds), "--watch", str(echo.pid)],
            stdout=subprocess.PIPE, text=True) for (echo, port), cpus in zip(servers, shard_cpus) for cpu in cpus]
        results = [json.loads(load.communicate()[0]) for load in loads]
    finally:
        for echo, _ in servers:
            echo.terminate()
            echo.wait()
    wrong = [result["errors"] for result in results if result["errors"]]
    if wrong:
        sys.exit(f"wrong answers: {wrong}")
    # All windows are of the same length and begin together, to a few milliseconds: each saw the whole of its server.
    used = statistics.mean(result["watched_cpu_seconds"][0] for result in results) * len(servers)
    return used / sum(result["requests"] for result in results) * 1e6


def main():
    here = pathlib.Path(__file__).resolve().parents[2]
    binaries = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here / "build" / "release" / "bin"
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 7
    seconds = float(sys.argv[3]) if len(sys.argv) > 3 else 3
    if len(os.sched_getaffinity(0)) < 2:
        sys.exit("two shards need two CPUs")
    print(f"{'round':>5} {'one shard':>10} {'two shards':>11} {'two programs':>13} {'ratio':>6} "
          f"{'beside two programs':>20}   us of the server's CPU per request")
    ratios, beside = [], []
    for number in range(1, rounds + 1):
        one, two, apart = (measure(binaries, cpus, seconds) for cpus in ([[0]], [[0, 1]], [[0], [1]]))
        ratios.append(two / one)
        beside.append(two / apart)
        print(f"{number:5} {one:10.2f} {two:11.2f} {apart:13.2f} {ratios[-1]:6.3f} {beside[-1]:20.3f}", flush=True)
    median = statistics.median(ratios)
    is_met = median <= 1.05
    print(f"median {median:.3f}, {min(ratios):.3f} to {max(ratios):.3f}: {'met' if is_met else 'missed'} (<= 1.05); "
          f"beside two programs {statistics.median(beside):.3f}, {min(beside):.3f} to {max(beside):.3f}")
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main())
