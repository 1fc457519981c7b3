# SPDX-License-Identifier: Apache-2.0
"""shoal-echo with each of its options: what it accepts and refuses, where connections land, what a request costs, and
what --stats prints."""

import subprocess
import time

from rig import BIN, POLLER, Case, Program, connect, exchange, listening_port, main, until

ROW = r"^ +(\d+) +(\d+) +(\d+)% +(\d+)$"
DISTRIBUTIONS = ("reuseport", "incoming_cpu", "round_robin", "least_connections", "random_two", "source_hash",
                 "least_busy", "fixed:1")


class Echo(Case):
    def echo(self, *options):
        program = self.started(Program(BIN / "shoal-echo", "--listen", "127.0.0.1:0", "--poller", POLLER, *options))
        return program, until(lambda: listening_port(program), "shoal-echo listens")

    def clients(self, port, count):
        made = []
        for _ in range(count):
            made.append(connect(port))
            self.addCleanup(made[-1].close)
            self.assertEqual(exchange(made[-1], b"x"), b"x")
        return made

    def stop(self, program, clients=()):
        for client in clients:  # else the server gives them two seconds to go
            client.close()
        self.assertEqual(program.stop(), 0, program.say())

    def refused(self, *options, status=2):
        done = subprocess.run([BIN / "shoal-echo", *options], capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stderr

    def connections(self, program, total):
        """By shard, from the first table that shows so many."""
        def look():
            rows = [(int(found[1]), int(found[2])) for found in program.matching(ROW)]
            tables = [dict(rows[at:at + 2]) for at in range(0, len(rows) - 1, 2)]
            return next((table for table in tables if sum(table.values()) == total), None)
        return until(look, f"a table with {total} connections")

    def test_every_distribution_serves(self):
        for distribution in DISTRIBUTIONS:
            with self.subTest(distribution=distribution):
                program, port = self.echo("--shards", "2", "--distribution", distribution)
                self.stop(program, self.clients(port, 8))

    def test_stats_show_where_connections_are(self):
        for distribution, wanted in (("round_robin", {0: 10, 1: 10}), ("least_connections", {0: 10, 1: 10}),
                                     ("fixed:1", {0: 0, 1: 20})):
            with self.subTest(distribution=distribution):
                program, port = self.echo("--shards", "2", "--distribution", distribution, "--stats")
                clients = self.clients(port, 20)
                self.assertEqual(self.connections(program, 20), wanted)
                program.wait_for(r"^shard  connections   busy  moves$")
                program.wait_for(r"^  all +20 +\d+% +0$")
                self.stop(program, clients)

    def test_work_takes_its_time_and_shows(self):
        for style in ("callback", "coroutine"):
            with self.subTest(style=style):
                program, port = self.echo("--shards", "2", "--distribution", "fixed:1", "--work", "20ms", "--style",
                                          style, "--stats")
                client, = self.clients(port, 1)
                began = time.monotonic()
                requests = 0
                while time.monotonic() < began + 2.5:
                    self.assertEqual(exchange(client, b"y"), b"y")
                    requests += 1
                self.assertLessEqual(requests, 2.5 / 0.020 + 1)
                busy = [(int(found[1]), int(found[3])) for found in program.matching(ROW)]
                self.assertGreater(max(share for shard, share in busy if shard == 1), 50, program.say())
                self.assertLess(max(share for shard, share in busy if shard == 0), 50, program.say())
                self.stop(program, [client])

    def test_what_is_refused(self):
        self.assertIn("least_busy", self.refused("--distribution", "fairest"))
        self.assertIn("fixed:x", self.refused("--distribution", "fixed:x"))
        self.assertIn("--rebalance", self.refused("--rebalance", "sometimes"))
        self.assertIn("--work", self.refused("--work", "200"))
        self.assertIn("--work", self.refused("--work", "2s"))
        self.assertIn("--style", self.refused("--style", "goto"))
        self.assertIn("there is no such shard", self.refused("--listen", "127.0.0.1:0", "--shards", "2",
                                                             "--distribution", "fixed:2", status=1))

    def test_rebalance_off_is_what_it_does_anyway(self):
        program, port = self.echo("--rebalance", "off")
        self.stop(program, self.clients(port, 1))


if __name__ == "__main__":
    main()
