# SPDX-License-Identifier: Apache-2.0
"""The program itself, from the command line to the exit status, on very short measurements."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import unittest

import compare
import jobs
import processes
from programs import catalogue

BIN = pathlib.Path(os.environ["SHOAL_BIN"])
CPUS = sorted(os.sched_getaffinity(0))
# Long enough for every connection to finish a message on a machine that is busy building.
SHORT = ["--rounds", "1", "--seconds", "0.3"]


def started(*arguments, **options):
    command = [sys.executable, "-B", compare.__file__, "--bin", str(BIN), "--server-cpu", str(CPUS[0]), "--load-cpu",
               str(CPUS[-1]), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


def ended(*arguments):
    """(exit status, standard output, standard error)"""
    with started(*arguments) as program:
        output, errors = program.communicate(timeout=60)
        return program.returncode, output, errors


@unittest.skipIf(len(CPUS) < 2, "server and load need a core each")
class CompareTest(unittest.TestCase):
    def test_a_short_run_prints_figures_and_is_no_evidence(self):
        with tempfile.TemporaryDirectory() as directory:
            file = pathlib.Path(directory) / "result.json"
            status, output, errors = ended("proxy-256k", "--programs", "raw-epoll-relay", "--json", str(file), *SHORT)
            self.assertEqual((status, errors), (6, ""))
            result = json.loads(file.read_text())
        self.assertIn("proxy-256k: not enough evidence", output)
        job, = result["jobs"]
        self.assertEqual(job["status"], 6)
        self.assertGreater(job["rounds"][0]["raw-epoll-relay"]["requests"], 0)
        self.assertGreater(job["figures"]["raw-epoll-relay"]["cpu"]["median"], 0)

    def test_a_control_runs_a_program_against_itself(self):
        status, output, errors = ended("echo", "--control", *SHORT)
        self.assertEqual((status, errors), (6, ""), output)
        self.assertIn("control: raw-epoll / itself", output)

    def test_the_peers_accept_their_configurations(self):
        peers = [name for name, program in catalogue(BIN).items() if name in jobs.PEERS and program.path]
        if not peers:
            self.skipTest("neither HAProxy nor nginx is installed")
        status, output, errors = ended("proxy-1k", "--programs", ",".join(peers), *SHORT)
        self.assertEqual((status, errors), (6, ""))
        for peer in peers:
            self.assertNotIn(f"{peer} does not run", output)

    def test_a_missing_program_is_named_with_the_remedy(self):
        with tempfile.TemporaryDirectory() as empty:
            status, output, errors = ended("echo", "--bin", empty, *SHORT)
        self.assertEqual(status, 1)
        self.assertIn("bench_load is not here: ./scripts/build release compare_programs", errors)

    def test_a_program_that_does_not_run_is_left_out_and_a_failure(self):
        with tempfile.TemporaryDirectory() as directory:
            for program in BIN.iterdir():
                if program.name.startswith(("raw_", "bench_")):
                    pathlib.Path(directory, program.name).symlink_to(program)
            broken = pathlib.Path(directory, "shoal-echo")
            broken.write_text("#!/bin/sh\necho out of fish >&2\nexit 3\n")
            broken.chmod(0o755)
            status, output, _ = ended("echo", "--programs", "shoal-echo,raw-epoll", "--bin", directory, *SHORT)
        self.assertEqual(status, 1)
        self.assertIn("echo: shoal-echo does not run: shoal-echo ended with status 3\n    out of fish", output)
        self.assertIn("  raw-epoll   ", output)

    def test_an_interrupted_run_leaves_nothing_behind(self):
        for how in (signal.SIGINT, signal.SIGTERM):
            with started("proxy-1k", "--programs", "raw-epoll-relay", "--seconds", "60") as program:
                servers = servers_of(program.pid)
                program.send_signal(how)
                _, errors = program.communicate(timeout=30)
            self.assertEqual(program.returncode, 1)
            self.assertIn("interrupted", errors)
            self.assertEqual([pid for pid in servers if pathlib.Path(f"/proc/{pid}").exists()], [])

    def test_wrong_usage_is_status_two(self):
        for arguments in (["nothing"], ["--programs", "nobody"], ["--rounds", "0"],
                          ["--server-cpu", str(CPUS[-1])]):
            self.assertEqual(ended(*arguments)[0], 2, arguments)


def servers_of(pid):
    """Waits until endpoint, relay and load run under the program, and returns their numbers."""
    while len(found := processes.family(pid)) < 4:
        pass
    return found[1:]


if __name__ == "__main__":
    unittest.main()
