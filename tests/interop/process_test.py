# SPDX-License-Identifier: Apache-2.0
"""The proxy as the operating system and systemd know it: notices, watchdog, pid file, user."""

import contextlib
import ctypes
import os
import pathlib
import signal
import socket
import unittest

from rig import PATIENCE, Case, Proxy, builtin_echo, connect, exchange, main

NOBODY = 65534


class Manager:
    """systemd's end of NOTIFY_SOCKET."""

    def __init__(self, folder):
        self.path = str(folder / "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(PATIENCE)

    def hears(self):
        return self.socket.recv(4096).decode().splitlines()

    def hears_until(self, word):
        """All messages up to the one with this line."""
        heard = []
        while not heard or word not in heard[-1]:
            heard.append(self.hears())
        return heard


class Tracer:
    """Holds one thread of a process that this one has started (ptrace(2)); the others run on."""

    SEIZE, INTERRUPT, DETACH = 0x4206, 0x4207, 17
    WALL = 0x40000000

    def __init__(self, thread):
        self.thread, self.libc = thread, ctypes.CDLL(None, use_errno=True)
        if self.ask(self.SEIZE) != 0:
            raise unittest.SkipTest(f"ptrace is not allowed here: {os.strerror(ctypes.get_errno())}")
        self.ask(self.INTERRUPT)
        os.waitpid(thread, self.WALL)

    def ask(self, what):
        return self.libc.ptrace(what, self.thread, None, None)

    def release(self):
        self.ask(self.DETACH)


class Process(Case):
    def manager(self):
        made = Manager(self.folder)
        self.addCleanup(made.socket.close)
        return made

    def start_with(self, text, **environment):
        return self.started(Proxy(self.file("proxy.yaml", text), env={**os.environ, **environment}))

    def test_systemd_is_told(self):
        manager = self.manager()
        proxy = self.start_with(builtin_echo(), NOTIFY_SOCKET=manager.path)
        self.assertEqual(manager.hears(), ["READY=1", "STATUS=serving 1 listener"])
        proxy.wait_until_ready()
        with connect(proxy.port) as client:
            exchange(client, b"ready means ready")
        proxy.tell(signal.SIGTERM)
        self.assertEqual(manager.hears(), ["STOPPING=1", "STATUS=draining"])
        self.assertEqual(proxy.wait(), 0)

    def test_signs_of_life_come_and_end_with_a_stuck_process(self):
        manager = self.manager()
        proxy = self.start_with(builtin_echo(), NOTIFY_SOCKET=manager.path, WATCHDOG_USEC="400000")
        proxy.wait_until_ready()
        manager.hears_until("READY=1")
        for _ in range(3):
            self.assertEqual(manager.hears(), ["WATCHDOG=1"])
        # One shard alone: its thread is stopped, the others run.
        shards = [int(task.name) for task in pathlib.Path(f"/proc/{proxy.pid}/task").iterdir()
                  if (task / "comm").read_text().strip() == "shoal-1"]
        self.assertEqual(len(shards), 1)
        with self.stopped(shards[0]):
            manager.socket.settimeout(2)
            # Those that were under way.
            with self.assertRaises(TimeoutError):
                for _ in range(3):
                    manager.hears()
        manager.socket.settimeout(PATIENCE)
        self.assertEqual(manager.hears(), ["WATCHDOG=1"])
        self.stop_cleanly(proxy)

    @contextlib.contextmanager
    def stopped(self, thread):
        """A thread that does not run: ptrace holds it alone."""
        holder = Tracer(thread)
        try:
            yield
        finally:
            holder.release()

    def test_without_systemd_nothing_is_said(self):
        with self.proxy(builtin_echo()) as proxy:
            with connect(proxy.port) as client:
                exchange(client, b"ping")

    def test_a_pid_file_is_there_while_it_runs(self):
        file = self.folder / "proxy.pid"
        with self.proxy(builtin_echo(rest="process: { pid_file: proxy.pid }")) as proxy:
            self.assertEqual(file.read_text(), f"{proxy.pid}\n")
        self.assertFalse(file.exists())

    def test_a_pid_file_of_somebody_else_stays(self):
        file = self.folder / "proxy.pid"
        with self.proxy(builtin_echo(rest="process: { pid_file: proxy.pid }")):
            file.write_text("1\n")
        self.assertEqual(file.read_text(), "1\n")

    def test_a_pid_file_that_cannot_be_written_fails_the_start(self):
        proxy = self.start_with(builtin_echo(rest="process: { pid_file: nowhere/proxy.pid }"))
        self.assertEqual(proxy.wait(), 1)
        self.assertRegex(proxy.text(), r"shoal-proxy: process\.pid_file .*/nowhere/proxy\.pid: No such file")

    @unittest.skipIf(os.geteuid() != 0, "only root can become somebody else")
    def test_it_becomes_somebody_else_once_everything_is_bound(self):
        text = builtin_echo(rest="process: { user: nobody, group: nogroup }")
        low = next(port for port in range(1023, 600, -1) if self.is_free(port))
        with self.proxy(text.replace("127.0.0.1:0", f"127.0.0.1:{low}")) as proxy:
            for task in pathlib.Path(f"/proc/{proxy.pid}/task").iterdir():
                status = (task / "status").read_text()
                for name in ("Uid", "Gid"):
                    self.assertRegex(status, rf"(?m)^{name}:\t{NOBODY}\t{NOBODY}\t{NOBODY}\t{NOBODY}$", task.name)
                self.assertRegex(status, r"(?m)^CapEff:\t0+$")
            with connect(low) as client:
                exchange(client, b"ping")

    @staticmethod
    def is_free(port):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return True
        return False

    @unittest.skipIf(os.geteuid() != 0, "only root can become somebody else")
    def test_an_unknown_user_fails_the_start(self):
        for rest, says in (("user: no-such-user", r"process\.user: no user no-such-user"),
                           ("user: nobody, group: no-such-group", r"process\.group: no group no-such-group")):
            proxy = self.start_with(builtin_echo(rest=f"process: {{ {rest} }}"))
            self.assertEqual(proxy.wait(), 1)
            self.assertRegex(proxy.text(), "shoal-proxy: " + says)


if __name__ == "__main__":
    main()
