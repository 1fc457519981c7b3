#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""SIGUSR2: a new process takes over the listening sockets, and no client notices.

SHOAL_FULL=1: ten upgrades; else three.
"""

import contextlib
import os
import re
import signal
import socket
import unittest
import urllib.request

from crowd import Crowd
from endpoints import Serving
from rig import FULL, PATIENCE, Case, connect, exchange, main, until, with_poller

UPGRADES = 10 if FULL else 3
SHARDS = [8, 2, 4]
CLIENTS = 200
TRIPS = 20  # of a connection that is kept: it ends while its process drains


def echo(peer):
    while data := peer.recv(1 << 16):
        peer.sendall(data)


class Upgrade(Case):
    def setUp(self):
        super().setUp()
        self.endpoint = Serving(echo)
        self.addCleanup(self.endpoint.close)

    def text(self, shards=2, bind="127.0.0.1:0", more="", rest=""):
        return f"""
listeners:
  - {{ name: front, bind: "{bind}", upstream: back }}
{more}
upstreams:
  - {{ name: back, endpoints: [ "127.0.0.1:{self.endpoint.port}" ] }}
admin: {{ bind: "127.0.0.1:0" }}
{with_poller(rest + f"runtime: {{ shards: {shards} }}")}
"""

    def start(self, text):
        proxy = self.start_proxy(text)
        self.pids = [proxy.pid]
        self.addCleanup(self.end_all)
        return proxy

    def end_all(self):
        for pid in self.pids[1:]:  # children that nobody else knows
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def upgrade(self, proxy, text):
        """Returns once the new process serves."""
        self.file("proxy.yaml", text)
        os.kill(self.pids[-1], signal.SIGUSR2)
        found = proxy.wait_for(r"upgrade: process (\d+) serves", count=len(self.pids))
        self.pids.append(int(found[1]))

    def is_gone(self, pid):
        with contextlib.suppress(FileNotFoundError):
            with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
                return stat.read().rsplit(")", 1)[1].split()[0] == "Z"
        return True

    def stop_last(self, proxy):
        os.kill(self.pids[-1], signal.SIGTERM)
        for pid in self.pids:
            until(lambda pid=pid: pid == proxy.pid and proxy.process.poll() is not None or self.is_gone(pid),
                  f"process {pid} ends")
        self.assertEqual(proxy.wait(), 0, proxy.say())
        proxy.wait_for(r"left over: 0 fds, 0 blocks, 0 timers", count=len(self.pids))

    def test_under_load_with_other_numbers_of_shards(self):
        proxy = self.start(self.text(SHARDS[0]))
        with Crowd(proxy.port, CLIENTS, TRIPS) as crowd:
            until(lambda: crowd.requests > CLIENTS, "the crowd is there")
            for number in range(1, UPGRADES + 1):
                self.upgrade(proxy, self.text(SHARDS[number % len(SHARDS)]))
                connected = crowd.connections
                until(lambda: crowd.wrong or crowd.connections > connected + CLIENTS, "the new process has clients")
                self.assertEqual(crowd.wrong, [], proxy.say())
                until(lambda: self.is_gone(self.pids[-2]), "the old process ends")
        self.assertEqual(crowd.wrong, [], proxy.say())
        print(f"{UPGRADES} upgrades, {crowd.requests} requests on {crowd.connections} connections, none wrong")
        self.stop_last(proxy)

    def test_who_waits_in_the_queues_is_served(self):
        """Nobody accepts while the process is stopped: all of them wait in the kernel, on every socket."""
        proxy = self.start(self.text(8))
        os.kill(proxy.pid, signal.SIGSTOP)
        clients = [connect(proxy.port) for _ in range(400)]
        for client in clients:
            client.sendall(b"hello")
        self.file("proxy.yaml", self.text(2))
        os.kill(proxy.pid, signal.SIGUSR2)
        os.kill(proxy.pid, signal.SIGCONT)
        self.pids.append(int(proxy.wait_for(r"upgrade: process (\d+) serves")[1]))
        for client in clients:
            self.assertEqual(client.recv(5), b"hello")
            client.close()
        self.stop_last(proxy)

    def test_a_new_process_that_fails_changes_nothing(self):
        proxy = self.start(self.text())
        self.file("proxy.yaml", self.text(rest="nonsense: 1\n"))
        proxy.tell(signal.SIGUSR2)
        proxy.wait_for(r"upgrade: the new process does not serve \(it ended with status 2\); this one goes on")
        with connect(proxy.port) as client:
            exchange(client, b"hello")
        self.upgrade(proxy, self.text())
        with connect(proxy.port) as client:
            exchange(client, b"hello")
        self.stop_last(proxy)

    def test_a_long_connection_stays_with_its_process(self):
        proxy = self.start(self.text())
        client = connect(proxy.port)
        exchange(client, b"before")
        self.upgrade(proxy, self.text())
        exchange(client, b"after")
        self.assertFalse(self.is_gone(proxy.pid))
        client.close()
        until(lambda: proxy.process.poll() is not None, "the old process ends after its last client")
        self.stop_last(proxy)

    def test_states_are_those_of_the_new_process(self):
        proxy = self.start(self.text())
        admin = proxy.wait_for(r"^  admin     http://127.0.0.1:(\d+)")[1]
        held = connect(proxy.port)
        exchange(held, b"hello")
        self.upgrade(proxy, self.text())
        for _ in range(20):  # the old one, which drains, would say 503
            with urllib.request.urlopen(f"http://127.0.0.1:{admin}/ready", timeout=PATIENCE) as page:
                self.assertEqual(page.read(), b"ready\n")
        held.close()
        self.stop_last(proxy)

    def test_a_unix_socket_and_the_pid_file_stay(self):
        path, pid_file = self.folder / "front.sock", self.folder / "proxy.pid"
        more = f'  - {{ name: local, bind: "unix:{path}", upstream: back }}'
        text = self.text(more=more, rest=f"process: {{ pid_file: {pid_file} }}\n")
        proxy = self.start(text)
        self.upgrade(proxy, text)
        until(lambda: proxy.process.poll() is not None, "the old process ends")
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(PATIENCE)
            client.connect(str(path))
            exchange(client, b"hello")
        self.assertEqual(int(pid_file.read_text(encoding="ascii")), self.pids[-1])
        self.stop_last(proxy)
        self.assertFalse(path.exists())
        self.assertFalse(pid_file.exists())


if __name__ == "__main__":
    main()
