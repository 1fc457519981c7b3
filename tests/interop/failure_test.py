# SPDX-License-Identifier: Apache-2.0
"""Endpoints that die, drop, refuse or fall silent: the client learns it in time, the log says which and why."""

import errno
import select
import signal
import time

from endpoints import accepted, dropping_syns, listening, port_of, refusing
from rig import BIN, SYN_SENT, Case, Program, config, connect, how_it_ends, listening_port, main, tcp_rows, until

SOON = 5.0  # seconds in which news of a death reaches the client; milliseconds on a machine with nothing else to do


def pump(client, until_received, seconds=SOON):
    """Sends and reads at once until so many bytes came back, or the connection ends: "end", "reset" or None."""
    client.setblocking(False)
    poll = select.poll()
    poll.register(client, select.POLLIN | select.POLLOUT)
    block, received, deadline = bytes(64 * 1024), 0, time.monotonic() + seconds
    while received < until_received:
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds:g} s the connection still seems to live; {received} bytes came")
        try:
            for _, what in poll.poll(100):
                if what & (select.POLLIN | select.POLLHUP | select.POLLERR):
                    if not (part := client.recv(1 << 20)):
                        return "end"
                    received += len(part)
                if what & select.POLLOUT:
                    client.send(block)
        except BlockingIOError:
            continue
        except OSError as error:
            if error.errno in (errno.ECONNRESET, errno.EPIPE):
                return "reset"
            raise
    return None


class Failure(Case):
    def test_endpoint_killed_in_mid_transfer(self):
        endpoint = self.started(Program(BIN / "shoal-echo", "--listen", "127.0.0.1:0", "--shards", "1"))
        port = until(lambda: listening_port(endpoint), "shoal-echo listens")
        with self.proxy(config([port])) as proxy, connect(proxy.port) as client:
            self.assertIsNone(pump(client, until_received=4 << 20))
            endpoint.tell(signal.SIGKILL)
            self.assertIn(pump(client, until_received=1 << 62), ("end", "reset"))
            end = proxy.wait_for(rf"-> back/127\.0\.0\.1:{port} .* end=(\w+)")
            self.assertIn(end[1], ("upstream_eof", "upstream_reset"))

    def check_connect_timeout(self, proxy, port):
        began = time.monotonic()
        with connect(proxy.port) as client:
            client.sendall(b"is anybody there?")
            how_it_ends(client)
        took = time.monotonic() - began
        self.assertGreater(took, 0.35)
        self.assertLess(took, SOON)
        proxy.wait_for(rf"upstream back 127\.0\.0\.1:{port}: connect: .*tim")
        proxy.wait_for(rf"-> back/127\.0\.0\.1:{port} .* end=connect_\w+")

    def test_endpoint_that_drops_syns(self):
        with dropping_syns() as port:
            with self.proxy(config([port], upstream="timeouts: { connect: 400ms }")) as proxy:
                self.check_connect_timeout(proxy, port)

    def test_client_of_a_dropping_endpoint_leaves_first(self):
        with dropping_syns() as port:
            with self.proxy(config([port], upstream="timeouts: { connect: 2s }")) as proxy:
                connect(proxy.port).close()
                proxy.wait_for(r"-> back/127\.0\.0\.1:\d+ .* end=\w+")

    def test_stop_while_an_endpoint_does_not_answer(self):
        with dropping_syns() as port:
            text = config([port], upstream="timeouts: { connect: 60s }", rest="shutdown: { drain_timeout: 300ms }")
            proxy = self.start_proxy(text)
            with connect(proxy.port) as client:
                until(lambda: tcp_rows(SYN_SENT, remote=port), "the proxy is connecting")
                self.stop_cleanly(proxy)
                how_it_ends(client)

    def test_another_endpoint_instead_of_one_that_drops_syns(self):
        echo = self.echo_server()
        with dropping_syns() as port:
            upstream = "balance: round_robin, timeouts: { connect: 1s }"
            with self.proxy(config([port, echo], upstream=upstream)) as proxy:
                for _ in range(4):
                    with connect(proxy.port) as client:
                        client.sendall(b"hello")
                        self.assertEqual(client.recv(100), b"hello")

    def test_silent_endpoint(self):
        endpoint = listening()
        self.addCleanup(endpoint.close)
        with self.proxy(config([port_of(endpoint)], listener="timeouts: { idle: 1s }")) as proxy:
            began = time.monotonic()
            with connect(proxy.port) as client, accepted(endpoint) as silent:
                client.sendall(b"say something")
                self.assertEqual(silent.recv(100), b"say something")
                self.assertIn(how_it_ends(client), ("end", "reset"))
                took = time.monotonic() - began
                self.assertGreater(took, 0.9)
                self.assertLess(took, 3.0)
                line = proxy.wait_for(r"front shard=\d+ \S+ -> back/127\.0\.0\.1:(\d+) in=13B .* end=(\w+)")
                self.assertEqual((int(line[1]), line[2]), (port_of(endpoint), "idle_timeout"))
                self.assertIn(how_it_ends(silent), ("end", "reset"))

    def test_silent_client_of_a_talking_endpoint_stays(self):
        # Idle is: no byte either way. One way is enough to stay.
        endpoint = listening()
        self.addCleanup(endpoint.close)
        with self.proxy(config([port_of(endpoint)], listener="timeouts: { idle: 1s }")) as proxy:
            with connect(proxy.port) as client, accepted(endpoint) as talking:
                began = time.monotonic()
                while time.monotonic() - began < 2.5:
                    talking.sendall(b".")
                    self.assertEqual(client.recv(1), b".")
                    select.select([client], [], [], 0.3)
                talking.close()
                self.assertEqual(how_it_ends(client), "end")

    def all_served(self, balance):
        echo = self.echo_server()
        with refusing() as dead:
            with self.proxy(config([dead, echo], upstream=f"balance: {balance}")) as proxy:
                for number in range(1000):
                    with connect(proxy.port) as client:
                        said = f"client {number}".encode()
                        client.sendall(said)
                        self.assertEqual(client.recv(100), said)
                self.assertTrue(proxy.matching(rf"upstream back 127\.0\.0\.1:{dead}: connect: Connection refused"),
                                proxy.say())

    def test_one_of_two_endpoints_refuses_round_robin(self):
        self.all_served("round_robin")

    def test_one_of_two_endpoints_refuses_random_two(self):
        self.all_served("random_two")

    def test_one_of_two_endpoints_refuses_least_connections(self):
        self.all_served("least_connections")

    def test_all_endpoints_refuse(self):
        with refusing() as first, refusing() as second, self.proxy(config([first, second])) as proxy:
            with connect(proxy.port) as client:
                began = time.monotonic()
                self.assertIn(how_it_ends(client), ("end", "reset"))
                self.assertLess(time.monotonic() - began, SOON)
            for port in (first, second):
                proxy.wait_for(rf"upstream back 127\.0\.0\.1:{port}: connect: Connection refused")
            proxy.wait_for(r"end=connect_failed")


if __name__ == "__main__":
    main()
