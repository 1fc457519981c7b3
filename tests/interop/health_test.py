# SPDX-License-Identifier: Apache-2.0
"""Health of real endpoints: killed and back, by checks and by failures of clients; and clients that stay by hash."""

import signal
import socket
import threading
import time

from endpoints import Serving, listening, port_of
from rig import BIN, Case, Program, config, connect, exchange, main, read_to_end, until

CHECK = "interval: 200ms, timeout: 1s"
SHARDS = "runtime: { shards: 4 }"
WRITTEN = r"\d+"  # the requests of http checks; bytes that are passed on are never copied


class Answering(Serving):
    """An HTTP server with one answer, and the requests that it got."""

    def __init__(self, status):
        self.status, self.requests = status, []
        super().__init__(self.answer)

    def answer(self, peer):
        request = b""
        while b"\r\n\r\n" not in request:
            if not (part := peer.recv(4096)):
                return
            request += part
        self.requests.append(request.decode())
        peer.sendall(f"HTTP/1.1 {self.status} Words\r\nContent-Length: 3\r\n\r\nok\n".encode())


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Health(Case):
    def echo_on(self, port):
        echo = self.started(Program(BIN / "shoal-echo", "--listen", f"127.0.0.1:{port}", "--shards", "1"))
        until(lambda: self.answers(port), "shoal-echo listens")
        return echo

    def answers(self, port):
        try:
            connect(port).close()
            return True
        except ConnectionRefusedError:
            return False

    def all_served(self, proxy, count):
        for _ in range(count):
            with connect(proxy.port) as client:
                exchange(client, b"ping")

    def test_an_endpoint_killed_and_returned(self):
        first, second = free_port(), free_port()
        echo, _ = self.echo_on(first), self.echo_on(second)
        upstream = f"balance: round_robin, connect_attempts: 1, health_check: {{ {CHECK} }}"
        with self.proxy(config([first, second], upstream=upstream, rest=SHARDS)) as proxy:
            self.all_served(proxy, 20)
            echo.tell(signal.SIGKILL)
            proxy.wait_for(rf"upstream back 127\.0\.0\.1:{first} up -> down: connect refused \(1 of 2 left\)")
            time.sleep(0.1)  # the message is quicker, but is not waited for
            # No second attempt is allowed: whoever went to the dead one would be closed.
            self.all_served(proxy, 100)
            self.echo_on(first)
            proxy.wait_for(rf"upstream back 127\.0\.0\.1:{first} down -> up: 2 good checks \(2 of 2 up\)")
            time.sleep(0.1)
            self.all_served(proxy, 100)
            for port in (first, second):
                proxy.wait_for(rf"-> back/127\.0\.0\.1:{port} in=4B out=4B .* end=client_eof", count=20)
            self.assertEqual(len(proxy.matching(r"(up -> down|down -> up)")), 2, proxy.say())

    def test_http_checks_are_asked_once_for_all_shards(self):
        good, bad = Answering(200), Answering(500)
        self.addCleanup(good.close)
        self.addCleanup(bad.close)
        upstream = f"health_check: {{ type: http, path: /healthz, {CHECK} }}, proxy_protocol: v1"
        proxy = self.start_proxy(config([good.port, bad.port], upstream=upstream, rest=SHARDS))
        proxy.wait_for(rf"upstream back 127\.0\.0\.1:{bad.port} up -> down: status 500 \(1 of 2 left\)")
        began, seen = time.monotonic(), len(good.requests)
        until(lambda: len(good.requests) >= seen + 10, "ten more checks")
        self.assertGreater(time.monotonic() - began, 9 * 0.18 - 0.1)  # four times as fast if each shard asked
        self.assertRegex(good.requests[0], r"^PROXY UNKNOWN\r\nGET /healthz HTTP/1\.1\r\n"
                                           rf"Host: 127\.0\.0\.1:{good.port}\r\n")
        bad.status = 204
        proxy.wait_for(rf"upstream back 127\.0\.0\.1:{bad.port} down -> up: 2 good checks \(2 of 2 up\)")
        self.assertEqual(len(proxy.matching(rf"127\.0\.0\.1:{good.port} (up|down) ->")), 0, proxy.say())
        self.stop_cleanly(proxy, copied=WRITTEN)

    def test_with_all_down_clients_are_closed_at_once(self):
        port = free_port()
        with self.proxy(config([port], upstream=f"health_check: {{ {CHECK}, fall: 1 }}", rest=SHARDS)) as proxy:
            proxy.wait_for(r"up -> down: connect refused \(0 of 1 left\)")
            time.sleep(0.1)
            with connect(proxy.port) as client:
                self.assertEqual(read_to_end(client), b"")
            proxy.wait_for(r"-> back/- in=0B out=0B .* end=no_endpoint")
            self.echo_on(port)
            proxy.wait_for(r"down -> up: 2 good checks \(1 of 1 up\)")
            time.sleep(0.1)
            self.all_served(proxy, 10)

    def test_who_fails_clients_is_ejected_and_comes_back(self):
        first, second = free_port(), free_port()
        self.echo_on(second)
        upstream = "balance: round_robin, outlier_detection: { consecutive_failures: 4, base_ejection_time: 1s }"
        with self.proxy(config([first, second], upstream=upstream, rest=SHARDS)) as proxy:
            self.all_served(proxy, 100)
            ejected = proxy.wait_for(rf"upstream back 127\.0\.0\.1:{first} up -> down: connect refused, 4 failures in "
                                     r"a row, ejected for (\d+) s \(1 of 2 left\)")
            self.assertEqual(ejected[1], "1")
            proxy.wait_for(rf"upstream back 127\.0\.0\.1:{first} down -> up: its ejection is over \(2 of 2 up\)")
            self.all_served(proxy, 100)
            proxy.wait_for(rf"127\.0\.0\.1:{first} up -> down: .* ejected for 2 s")

    def test_a_stop_does_not_wait_for_a_check(self):
        silent = listening()
        self.addCleanup(silent.close)
        upstream = "health_check: { type: http, interval: 1s, timeout: 60s }"
        proxy = self.start_proxy(config([port_of(silent)], upstream=upstream))
        with silent.accept()[0]:
            began = time.monotonic()
            self.stop_cleanly(proxy, copied=WRITTEN)
            self.assertLess(time.monotonic() - began, 20)


class ByHash(Case):
    def check(self, balance):
        """Clients of 40 addresses, five times each: always the same endpoint, from whatever shard."""
        lock, places = threading.Lock(), {}
        ends = []
        for number in range(4):
            def serve(peer, number=number):
                client = peer.recv(100).decode()
                with lock:
                    places.setdefault(client, set()).add(number)
                peer.sendall(b"!")
            ends.append(Serving(serve))
            self.addCleanup(ends[-1].close)
        with self.proxy(config([e.port for e in ends], upstream=f"balance: {balance}", rest=SHARDS)) as proxy:
            for turn in range(200):
                source = f"127.0.1.{turn % 40 + 1}"
                with socket.socket() as client:
                    client.settimeout(60)
                    client.bind((source, 0))
                    client.connect(("127.0.0.1", proxy.port))
                    client.sendall(source.encode())
                    self.assertEqual(client.recv(1), b"!")
            self.assertEqual(len(places), 40)
            self.assertTrue(all(len(where) == 1 for where in places.values()), places)
            self.assertGreater(len(set.union(*places.values())), 2)
            shards = {found[1] for found in proxy.matching(r"shard=(\d+)")}
            self.assertGreater(len(shards), 1, proxy.say())

    def test_source_hash(self):
        self.check("source_hash")

    def test_ring_hash(self):
        self.check("ring_hash")

    def test_maglev(self):
        self.check("maglev")


if __name__ == "__main__":
    main()
