# SPDX-License-Identifier: Apache-2.0
"""Each row of docs/failures.md on this machine's network; tests/sim plays the same rows with many seeds."""

import contextlib
import pathlib
import random
import socket
import threading
import time

from endpoints import Serving, dropping_syns, in_background, refusing
from rig import FULL, Case, abort, config, connect, exchange, main, until

TABLE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "failures.md"
CLIENTS = 10 if FULL else 2  # of each kind, at once
SIZE = 300_000
SLOW_PIECE, SLOW_PAUSE = 20_000, 0.02
LISTENER, UPSTREAM = "timeouts: { idle: 1s }", "timeouts: { connect: 400ms }"


def rows():
    """(client, endpoint) -> (what the client may see, what the endpoint may see, the words of the log)"""
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    begin = next(number for number, line in enumerate(lines) if line.startswith("|---")) + 1
    found = {}
    for line in lines[begin:]:
        if not line.startswith("|"):
            break
        client, endpoint, *outcomes = (part.strip() for part in line.strip("|").split("|"))
        found[client, endpoint] = tuple(outcome.split(" or ") for outcome in outcomes)
    return found


class Client:
    """Talks to the proxy in its way; `sees` is what came of it, in the words of the table."""

    def __init__(self, how, seed):
        self.how, self.random, self.sees = how, random.Random(seed), None
        self.text = self.random.randbytes(SIZE)

    def start(self, port):
        self.socket = connect(port)
        self.port = self.socket.getsockname()[1]
        self.received = b""
        self.thread = in_background(self.run)

    def run(self):
        with self.socket:
            if self.how == "goes away":
                time.sleep(self.random.choice((0, 0.001)))  # before the proxy has an endpoint, or after
                self.sees = "itself"
            elif self.how == "resets":
                self.sees = self.send(self.random.randrange(SIZE // 2)) or "itself"
                time.sleep(self.random.random() * 0.02)  # not to synchronise: when it happens is left to chance
            else:
                return self.talk()
            abort(self.socket)

    def talk(self):
        cut = []
        sending = in_background(lambda: cut.append(self.send(0 if self.how == "silent" else SIZE)))
        try:
            self.sees = self.receive()
        except ConnectionResetError:
            self.sees = "reset"
        if self.how == "half-closes":  # that the other side has finished does not keep it from finishing too
            sending.join()
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)  # whoever still sends
        sending.join()
        if self.sees == "end" and "reset" in cut:
            self.sees = "reset"  # the kernel tells of a reset once, and it was the sender who asked

    def send(self, size):
        """None, or "reset" if that is what became of it."""
        piece = SLOW_PIECE if self.how == "slow" else SIZE
        try:
            for at in range(0, size, piece):
                self.socket.sendall(self.text[at:min(at + piece, size)])
                if self.how == "slow":
                    time.sleep(SLOW_PAUSE)
            if self.how == "half-closes":
                self.socket.shutdown(socket.SHUT_WR)
        except ConnectionResetError:
            return "reset"
        except OSError:
            pass
        return None

    def receive(self):
        ends_itself = self.how in ("well-behaved", "slow")
        while not (ends_itself and len(self.received) >= SIZE):
            if not (part := self.socket.recv(SLOW_PIECE if self.how == "slow" else 1 << 20)):
                return "whole" if self.received == self.text else "end"
            self.received += part
            if self.how == "slow":
                time.sleep(SLOW_PAUSE)
        return "whole" if self.received == self.text else "garbled"


class Endpoint(Serving):
    """Echoes in its way, and knows what each connection saw."""

    def __init__(self, how):
        self.how, self.saw, self.ended, self.lock = how, [], 0, threading.Lock()
        self.random, self.owed = random.Random(7), set()
        super().__init__(self.talk)

    def talk(self, peer):
        with self.lock:
            left = 1 + self.random.randrange(1000) if self.how in ("resets", "half-closes") else None
        saw = "reset"
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            saw = self.echo(peer, left)
        with self.lock:
            if saw != "fence":
                self.saw.append(saw)
            self.ended += 1

    def settle(self):
        """Whoever connected before this call has been accepted, and has ended."""
        before = self.count
        with connect(self.port) as fence:
            fence.sendall(b"fence")
        until(lambda: self.count > before and self.ended == self.count, "the endpoint's connections end")

    def echo(self, peer, left):
        received = b""
        while part := peer.recv(SLOW_PIECE if self.how == "slow" else 1 << 20):
            received += part
            if received == b"fence":
                return "fence"
            if self.how == "slow":
                time.sleep(SLOW_PAUSE)
            if left == 0:
                continue
            peer.sendall(part[:left])
            if left is not None and (left := max(left - len(part), 0)) == 0:
                if self.how == "resets":
                    abort(peer)
                    return "itself"
                peer.shutdown(1)
        return "whole" if received in self.owed else "end"


class Matrix(Case):
    def setUp(self):
        super().setUp()
        self.good = Endpoint("serves")
        self.addCleanup(self.good.close)

    def start(self, port):
        text = config([port], LISTENER, UPSTREAM, rest="runtime: { shards: 3 }").replace("\nupstreams:\n", f"""
  - {{ name: other, bind: "127.0.0.1:0", upstream: good }}
upstreams:
  - {{ name: good, endpoints: [ "127.0.0.1:{self.good.port}" ] }}
""")
        return self.proxy(text, copied=r"\d+")

    def check_row(self, proxy, how, endpoint, expected):
        client_sees, endpoint_sees, words = expected
        if endpoint:
            endpoint.saw.clear()
        clients = [Client(how, self.random.random()) for _ in range(CLIENTS)]
        if endpoint:
            endpoint.owed.update(client.text for client in clients)
        for client in clients:
            client.start(proxy.ports[0])
        with connect(proxy.ports[1]) as neighbour:
            while any(client.thread.is_alive() for client in clients):
                self.assertEqual(exchange(neighbour, b"still here"), b"still here")
                clients[0].thread.join(0.01)
                for client in clients[1:]:
                    client.thread.join(0.01)
        for client in clients:
            self.assertIn(client.sees, client_sees)
            self.assertTrue(client.text.startswith(client.received))
            pattern = rf"front shard=\d+ 127\.0\.0\.1:{client.port} -> back/.* end=(\w+)"
            if how not in ("goes away", "resets"):  # one that is gone before a shard has looked is not in the log
                proxy.wait_for(pattern)
            for line in proxy.matching(pattern):
                self.assertIn(line[1], words, line[0])
        until(lambda: proxy.open_files() <= self.idle_files, "the proxy has no connection left")
        if endpoint:
            endpoint.settle()
        saw = endpoint.saw if endpoint else []
        for word in saw + ["nothing"] * (CLIENTS - len(saw)):
            self.assertIn(word, endpoint_sees)

    def check_column(self, kind, port, endpoint=None):
        with self.start(port) as proxy:
            self.idle_files = proxy.open_files()
            for (how, where), expected in rows().items():
                if where == kind:
                    with self.subTest(client=how, endpoint=where):
                        self.check_row(proxy, how, endpoint, expected)
            until(lambda: proxy.open_files() == self.idle_files, "all files are closed")

    def check_serving(self, kind):
        endpoint = Endpoint(kind)
        self.addCleanup(endpoint.close)
        self.check_column(kind, endpoint.port, endpoint)

    def test_an_endpoint_that_serves(self):
        self.check_serving("serves")

    def test_an_endpoint_that_refuses(self):
        with refusing() as port:
            self.check_column("refuses", port)

    def test_an_endpoint_that_drops_syns(self):
        with dropping_syns() as port:
            self.check_column("drops", port)

    def test_an_endpoint_that_resets(self):
        self.check_serving("resets")

    def test_an_endpoint_that_half_closes(self):
        self.check_serving("half-closes")

    def test_a_slow_endpoint(self):
        self.check_serving("slow")

    def test_all_rows_are_there(self):
        self.assertEqual(len(rows()), 36)


class CutOff(Case):
    """Endpoints that take every connection, and cut it off."""

    def test_who_resets_before_its_first_byte_is_ejected(self):
        def cut(peer):
            peer.recv(1)  # with the rest unread, or not: abort() resets anyway
            abort(peer)

        bad, good = Serving(cut), Endpoint("serves")
        self.addCleanup(bad.close)
        self.addCleanup(good.close)
        upstream = "balance: round_robin, outlier_detection: { consecutive_failures: 4, base_ejection_time: 60s }"
        text = config([bad.port, good.port], upstream=upstream, rest="runtime: { shards: 4 }")
        with self.proxy(text) as proxy:
            served = 0
            while not proxy.matching("up -> down"):
                self.assertLess(served, 200, proxy.say())
                served += self.is_served(proxy)
            proxy.wait_for(rf"upstream back 127\.0\.0\.1:{bad.port} up -> down: cut off before its first byte, "
                           r"4 failures in a row, ejected for 60 s \(1 of 2 left\)")
            proxy.wait_for(r"end=upstream_reset", count=4)
            time.sleep(0.1)  # the message is quicker, but is not waited for
            self.assertTrue(all(self.is_served(proxy) for _ in range(100)), proxy.say())

    def is_served(self, proxy):
        with connect(proxy.port) as client:
            try:
                client.sendall(b"ping")
                return client.recv(4) == b"ping"
            except ConnectionResetError:
                return False

    def test_who_answers_and_then_resets_stays(self):
        def cut_later(peer):
            peer.sendall(peer.recv(4))
            peer.recv(4)
            abort(peer)

        odd, good = Serving(cut_later), Endpoint("serves")
        self.addCleanup(odd.close)
        self.addCleanup(good.close)
        upstream = "balance: round_robin, outlier_detection: { consecutive_failures: 2 }"
        with self.proxy(config([odd.port, good.port], upstream=upstream, rest="runtime: { shards: 4 }")) as proxy:
            ends = []
            for _ in range(40):
                with connect(proxy.port) as client:
                    self.assertEqual(exchange(client, b"ping"), b"ping")
                    client.sendall(b"pong")
                    with contextlib.suppress(ConnectionResetError):
                        ends.append(client.recv(4))
            proxy.wait_for(r"end=upstream_reset", count=10)
            self.assertEqual(proxy.matching("up -> down"), [], proxy.say())


if __name__ == "__main__":
    main()
