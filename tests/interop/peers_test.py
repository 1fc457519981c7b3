# SPDX-License-Identifier: Apache-2.0
"""Servers that others wrote, with their own clients, through the proxy: PostgreSQL and Redis, where installed."""

import os
import pwd
import subprocess

from rig import Case, Program, config, main, until
from strangers import answers, free_port, program

CLIENTS = 10


class Peers(Case):
    def run_client(self, *command, said=None):
        done = subprocess.run([str(part) for part in command], input=said, capture_output=True, text=True, timeout=120,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    # PostgreSQL

    def postgres(self):
        """The port of a fresh server. It refuses to run as root: then it gets an account with fewer rights."""
        server, initdb = program("postgres"), program("initdb")
        user = {}
        if os.geteuid() == 0:
            account = pwd.getpwnam("postgres" if "postgres" in [one.pw_name for one in pwd.getpwall()] else "nobody")
            user = {"user": account.pw_uid, "group": account.pw_gid}
            self.folder.chmod(0o755)
        data = self.folder / "data"
        data.mkdir(0o700)
        if user:
            os.chown(data, user["user"], user["group"])
        done = subprocess.run([initdb, "-D", data, "-A", "trust", "-U", "tester", "--no-sync"], capture_output=True,
                              text=True, timeout=120, check=False, cwd=data, **user)
        if done.returncode != 0:
            self.skipTest(f"initdb does not work here: {done.stderr.strip().splitlines()[-1]}")
        port = free_port()
        running = self.started(Program(server, "-D", data, "-h", "127.0.0.1", "-p", port, "-k", "", "-F", **user))
        running.wait_for("ready to accept connections")
        return port

    def test_postgresql(self):
        psql, pgbench = program("psql"), program("pgbench")
        with self.proxy(config([self.postgres()])) as proxy:
            to = ["-h", "127.0.0.1", "-p", proxy.port, "-U", "tester"]
            self.assertEqual(self.run_client(psql, *to, "-At", "-c", "select 6 * 7", "postgres"), "42\n")
            large = self.run_client(psql, *to, "-At", "-c", "select repeat('x', 5000000)", "postgres")
            self.assertEqual(large, "x" * 5_000_000 + "\n")
            self.run_client(pgbench, *to, "-i", "-q", "postgres")
            said = self.run_client(pgbench, *to, "-c", CLIENTS, "-j", 1, "-t", 50, "postgres")
            self.assertRegex(said, rf"transactions actually processed: {CLIENTS * 50}/{CLIENTS * 50}")

    # Redis

    def redis(self):
        server, port = program("redis-server"), free_port()
        self.started(Program(server, "--bind", "127.0.0.1", "--port", port, "--save", "", "--dir", self.folder))
        until(lambda: answers(port), "redis-server listens")
        return port

    def test_redis(self):
        cli, bench = program("redis-cli"), program("redis-benchmark")
        with self.proxy(config([self.redis()])) as proxy:
            to = ["-h", "127.0.0.1", "-p", proxy.port]
            value = "v" * 1_000_000
            self.assertEqual(self.run_client(cli, *to, "-x", "set", "key", said=value), "OK\n")
            self.assertEqual(self.run_client(cli, *to, "get", "key"), value + "\n")
            said = self.run_client(bench, *to, "-q", "--csv", "-c", CLIENTS, "-P", 16, "-n", 20_000, "-t", "set,get")
            self.assertEqual(len([line for line in said.splitlines() if line.startswith(('"SET"', '"GET"'))]), 2, said)


if __name__ == "__main__":
    main()
