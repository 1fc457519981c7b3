# SPDX-License-Identifier: Apache-2.0
"""The measuring programs work: the raw servers send back every byte, the clients count, and wrong answers are noticed.

SHOAL_BIN names the directory of the programs. Figures are not looked at.
"""

import contextlib
import json
import os
import pathlib
import socket
import struct
import subprocess
import threading
import unittest

BIN = pathlib.Path(os.environ["SHOAL_BIN"])
CPUS = sorted(os.sched_getaffinity(0))


def need(program):
    if not (BIN / program).exists():
        raise unittest.SkipTest(f"{program} is not built here (it needs liburing)")


@contextlib.contextmanager
def serving(program, buffer, *more):
    """(port, process) of a raw server; it says itself when it listens."""
    need(program)
    command = [BIN / program, "0", str(CPUS[0]), str(buffer), *map(str, more)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        try:
            said = server.stdout.readline()
            if not said:
                why = server.stderr.read().strip()
                if why.startswith("io_uring_queue_init"):
                    raise unittest.SkipTest(f"no io_uring here: {why}")
                raise AssertionError(f"{program} did not start: {why}")
            yield int(said.rpartition(":")[2]), server
        finally:
            server.terminate()


@contextlib.contextmanager
def relaying(program, buffer):
    with serving("raw_epoll_echo", buffer) as (endpoint, _):
        with serving(program, buffer, endpoint) as relay:
            yield relay


SERVERS = {"raw_epoll_echo": serving, "raw_uring_echo": serving, "raw_epoll_relay": relaying,
           "raw_uring_relay": relaying}


def run(program, *arguments):
    """(exit status, its JSON) of a client program."""
    command = [BIN / program, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if not done.stdout:
        raise AssertionError(f"{program} printed nothing: {done.stderr.strip()}")
    return done.returncode, json.loads(done.stdout)


def load(port, *more, seconds=30):
    return run("bench_load", "--port", port, "--cpu", CPUS[-1], "--seconds", seconds, "--warm-up", 0, *more)


def exchange(port, data):
    """Sends everything, then the end, and returns all that comes back. The small receive buffer makes the server's
    sends short."""
    with socket.socket() as client:
        client.settimeout(30)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        client.connect(("127.0.0.1", port))
        def send():
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
        sender = threading.Thread(target=send)
        sender.start()
        received = b"".join(iter(lambda: client.recv(1 << 16), b""))
        sender.join()
        return received


class RawServersTest(unittest.TestCase):
    def each(self, buffer, check):
        for program, start in SERVERS.items():
            with self.subTest(program, buffer=buffer), start(program, buffer) as (port, server):
                check(port, server)

    def test_answer_a_load_of_small_messages(self):
        def check(port, server):
            status, result = load(port, "--connections", 8, "--size", 1024, "--messages", 300, "--watch",
                                  server.pid)
            self.assertEqual((status, result["errors"]), (0, {}))
            self.assertGreaterEqual(result["requests"], 8 * 300)
            self.assertGreater(result["watched_cpu_seconds"][0], 0)
        self.each(4096, check)

    def test_answer_a_load_of_large_messages_without_a_deadlock(self):
        def check(port, _):
            status, result = load(port, "--connections", 4, "--size", 8 << 20, "--messages", 2)
            self.assertEqual((status, result["errors"]), (0, {}))
        self.each(65536, check)

    def test_send_back_every_byte_and_then_the_end(self):
        data = os.urandom(1 << 20) * 12 + b"end"
        for buffer in (512, 4096, 1 << 20):
            self.each(buffer, lambda port, _: self.assertTrue(exchange(port, data) == data))

    def test_outlive_clients_that_vanish(self):
        def check(port, _):
            for _ in range(20):
                client = socket.create_connection(("127.0.0.1", port), timeout=10)
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                client.sendall(b"x" * 100_000)
                client.close()
            self.assertEqual(exchange(port, b"still here"), b"still here")
        self.each(4096, check)

    def test_refuse_arguments_that_make_no_sense(self):
        for program in SERVERS:
            with self.subTest(program):
                need(program)
                for arguments in ([], ["0", "0", "none"], ["70000", "0", "4096"]):
                    done = subprocess.run([BIN / program, *arguments], capture_output=True, check=False, timeout=10)
                    self.assertEqual(done.returncode, 2)


class LyingServer:
    """Answers each connection's bytes through a function."""

    def __init__(self, answer):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.answer = answer
        self.thread = threading.Thread(target=self.serve)

    def __enter__(self):
        self.thread.start()
        return self.port

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listener.close()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                with self.listener.accept()[0] as client, contextlib.suppress(OSError):
                    while data := client.recv(1 << 16):
                        client.sendall(self.answer(data))


class LoadTest(unittest.TestCase):
    def test_notices_wrong_bytes(self):
        with LyingServer(lambda data: b"\0" + data[1:]) as port:
            status, result = load(port, "--connections", 1, "--size", 100)
        self.assertEqual((status, result["errors"]), (1, {"wrong bytes": 1}))

    def test_notices_a_server_that_sends_too_much(self):
        with LyingServer(lambda data: data + b"!") as port:
            status, result = load(port, "--connections", 1, "--size", 100)
        self.assertEqual((status, result["errors"]), (1, {"wrong bytes": 1}))

    def test_notices_a_server_that_says_nothing(self):
        with LyingServer(lambda data: b"") as port:
            status, result = load(port, "--connections", 1, "--size", 100, seconds=0.05)
        self.assertEqual((status, result["errors"]), (1, {"a connection without an answer": 1}))
        self.assertEqual((result["requests"], result["latency_us"]["p50"]), (0, None))

    def test_notices_a_port_where_nobody_listens(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        status, result = load(port, "--connections", 2)
        self.assertEqual((status, result["errors"]), (1, {"connect: Connection refused": 2}))

    def test_wrong_usage_is_status_two(self):
        done = subprocess.run([BIN / "bench_load", "--port", "0"], capture_output=True, check=False, timeout=10)
        self.assertEqual(done.returncode, 2)


class OtherClientsTest(unittest.TestCase):
    def test_churn_counts_whole_lives(self):
        for how in ("fin", "reset"):
            with serving("raw_epoll_echo", 4096) as (port, _):
                status, result = run("bench_churn", "--port", port, "--slots", 4, "--seconds", 0.1, "--warm-up", 0.02,
                                     "--close", how)
            self.assertEqual((status, result["errors"]), (0, {}))
            self.assertGreater(result["connections"], 4)

    def test_idle_reads_the_servers_memory(self):
        with serving("raw_epoll_echo", 4096) as (port, server):
            status, result = run("bench_idle", "--port", port, "--pid", server.pid, "--connections", 50, "--settle", 0)
        self.assertEqual(status, 0)
        self.assertGreater(result["private_with_idle"], 0)


if __name__ == "__main__":
    unittest.main()
