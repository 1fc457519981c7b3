# SPDX-License-Identifier: Apache-2.0
"""A proxy in operation: signals, limits, kinds of addresses, and how connections are spread over the shards."""

import collections
import json
import os
import re
import signal
import socket
import subprocess

from endpoints import Serving, in_background, listening, port_of, refusing
from rig import BIN, NOTHING_LEFT, Case, Proxy, builtin_echo, config, connect, exchange, main, read_exactly, until

ACCESS_LINE = r"front shard=(\d+) .* end=\w+"
ROTATED = 'access_log: { path: "access.log" }'


class Operation(Case):
    def setUp(self):
        super().setUp()
        self.kept = []
        self.addCleanup(lambda: [client.close() for client in self.kept])

    def keep(self, client):
        self.kept.append(client)
        return client

    def one_connection(self, port, said=b"hello"):
        with connect(port) as client:
            self.assertEqual(exchange(client, said), said)

    # Signals

    def test_a_log_that_was_moved_away_is_reopened(self):
        log, moved = self.folder / "access.log", self.folder / "access.log.1"
        with self.proxy(builtin_echo().replace('access_log: { path: "-" }', ROTATED)) as proxy:
            self.one_connection(proxy.port)
            until(lambda: log.read_text().count("\n") == 1, "the first line is written")
            os.rename(log, moved)
            proxy.tell(signal.SIGUSR1)
            until(log.exists, "the file is made anew")
            self.one_connection(proxy.port)
            self.one_connection(proxy.port)
            until(lambda: log.read_text().count("\n") == 2, "the next lines are in the new file")
        self.assertEqual(moved.read_text().count("\n"), 1)
        for line in (log.read_text() + moved.read_text()).splitlines():
            self.assertRegex(line, ACCESS_LINE)

    def test_the_access_log_as_json_says_all_of_a_connection(self):
        log = self.folder / "access.json"
        wanted = 'access_log: { path: "access.json", format: json }'
        endpoint = Serving(lambda peer: peer.sendall(read_exactly(peer, 5)) or peer.recv(1))
        self.addCleanup(endpoint.close)
        with refusing() as dead:
            text = config([dead, endpoint.port], upstream="balance: round_robin", rest="runtime: { shards: 1 }")
            with self.proxy(text.replace('access_log: { path: "-" }', wanted)) as proxy:
                for _ in range(2):
                    self.one_connection(proxy.port)
                until(lambda: log.read_text().count("\n") == 2, "both lines are written")
        records = [json.loads(line) for line in log.read_text().splitlines()]
        for record in records:
            self.assertEqual(list(record), ["time", "listener", "client", "upstream", "endpoint", "shard", "bytes_in",
                                            "bytes_out", "connect_ms", "first_byte_ms", "duration_ms", "attempts",
                                            "end"])
            self.assertEqual((record["listener"], record["upstream"], record["endpoint"], record["shard"]),
                             ("front", "back", f"127.0.0.1:{endpoint.port}", 0))
            self.assertEqual((record["bytes_in"], record["bytes_out"], record["end"]), (5, 5, "client_eof"))
            self.assertRegex(record["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
            self.assertTrue(0 <= record["connect_ms"] <= record["first_byte_ms"] <= record["duration_ms"], record)
        # One of any two has the dead endpoint's turn.
        self.assertEqual(max(record["attempts"] for record in records), 2)

    def test_sighup_keeps_it_running(self):
        with self.proxy(builtin_echo()) as proxy:
            client = self.keep(connect(proxy.port))
            self.assertEqual(exchange(client, b"before"), b"before")
            proxy.tell(signal.SIGHUP)
            proxy.wait_for(r"reloaded \S+ in \d+ ms: listeners unchanged; upstreams unchanged")
            self.assertEqual(exchange(client, b"after"), b"after")
            client.close()
            self.one_connection(proxy.port)

    # Addresses

    def test_a_socket_that_the_parent_opened_is_served(self):
        with socket.create_server(("127.0.0.1", 0)) as opened:
            port, number = opened.getsockname()[1], opened.fileno()
            file = self.file("inherited.yaml", builtin_echo().replace('"127.0.0.1:0"', f'"fd://{number}"'))
            proxy = self.started(Proxy(file, pass_fds=[number])).wait_until_ready()
            self.assertEqual(proxy.port, port)
            self.one_connection(port)
            self.one_connection(port)
            self.stop_cleanly(proxy)

    # Limits

    def third_waits(self, text):
        with self.proxy(text) as proxy:
            first = self.keep(connect(proxy.port))
            self.assertEqual(exchange(first, b"1"), b"1")
            second = self.keep(connect(proxy.port))
            self.assertEqual(exchange(second, b"2"), b"2")
            third = self.keep(connect(proxy.port))
            third.sendall(b"3")
            proxy.wait_for(r"max_connections 2 reached")
            third.settimeout(0.3)
            self.assertRaises(TimeoutError, third.recv, 1)
            third.settimeout(60)
            first.close()
            self.assertEqual(read_exactly(third, 1), b"3")
            self.assertEqual(exchange(second, b"still"), b"still")
            second.close()
            third.close()
            proxy.wait_for(ACCESS_LINE, count=3)
            # The places are free again.
            for client in (self.keep(connect(proxy.port)) for _ in range(2)):
                self.assertEqual(exchange(client, b"x"), b"x")
                client.close()

    def test_max_connections_with_reuseport(self):
        self.third_waits(builtin_echo(listener="accept: { max_connections: 2, distribution: reuseport }"))

    def test_max_connections_with_round_robin(self):
        self.third_waits(builtin_echo(listener="accept: { max_connections: 2, distribution: round_robin }"))

    def test_max_connections_in_front_of_an_endpoint(self):
        self.third_waits(config([self.echo_server()], listener="accept: { max_connections: 2 }"))

    # More connections than descriptors must not fail one by one: the limit is lowered, and the others wait.
    def test_few_descriptors(self):
        file = self.file("proxy.yaml", builtin_echo())
        limited = ["bash", "-c", f'ulimit -n 260; exec "{BIN}/shoal-proxy" -c "{file}"']
        proxy = self.started(Proxy(file, command=limited))
        proxy.wait_until_ready()
        proxy.wait_for(r"max_connections lowered from \d+ to 30: 260 files")
        talks = [in_background(self.one_connection, proxy.port) for _ in range(100)]
        for talk in talks:
            talk.join()
        proxy.wait_for(r"in=5B out=5B .* end=client_eof", count=100)
        self.stop_cleanly(proxy)

    def test_nobody_reads_the_screen(self):
        proxy = subprocess.Popen([BIN / "shoal-proxy", "-c", self.file("proxy.yaml", builtin_echo())],
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(proxy.wait)
        self.addCleanup(proxy.kill)
        with proxy.stdout as screen:
            while not (found := re.search(r"listener .* tcp 127\.0\.0\.1:(\d+)", screen.readline())):
                self.assertIsNone(proxy.poll())
        port = int(found[1])
        for _ in range(3):
            self.one_connection(port)
        proxy.send_signal(signal.SIGINT)
        self.assertIn(NOTHING_LEFT, proxy.communicate(timeout=60)[1])
        self.assertEqual(proxy.returncode, 0)

    def test_waiting_clients_of_a_full_listener_do_not_delay_a_stop(self):
        text = builtin_echo(listener="accept: { max_connections: 1 }", rest="shutdown: { drain_timeout: 500ms }")
        with self.proxy(text) as proxy:
            for _ in range(5):
                self.keep(connect(proxy.port))
            proxy.wait_for(r"max_connections 1 reached")

    # Addresses

    def test_unix_sockets_on_both_sides(self):
        front, back = self.folder / "front.sock", self.folder / "back.sock"
        with listening(where=str(back), family=socket.AF_UNIX) as endpoint:
            text = config([f"unix:{back}"]).replace('"127.0.0.1:0"', f'"unix:{front}"')
            with self.proxy(text) as proxy:
                with socket.socket(socket.AF_UNIX) as client:
                    client.settimeout(60)
                    client.connect(str(front))
                    server = self.keep(endpoint.accept()[0])
                    client.sendall(b"hello")
                    self.assertEqual(server.recv(10), b"hello")
                    server.sendall(b"and back")
                    server.close()
                    self.assertEqual(read_exactly(client, 8), b"and back")
                proxy.wait_for(rf"-> back/unix:{re.escape(str(back))} in=5B out=8B")
        self.assertFalse(front.exists(), "the socket's file is removed at the end")
        self.assertTrue(back.exists(), "the endpoint's file is not ours")

    def test_second_start_on_a_unix_socket(self):
        front = self.folder / "front.sock"
        text = builtin_echo().replace('"127.0.0.1:0"', f'"unix:{front}"')
        with self.proxy(text):
            second = self.started(Proxy(self.file("second.yaml", text)))
            self.assertEqual(second.wait(), 1)
            self.assertIn(str(front), second.text())
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(front))
                self.assertEqual(exchange(client, b"the first lives"), b"the first lives")

    def test_unix_socket_of_a_proxy_that_was_killed(self):
        text = builtin_echo().replace('"127.0.0.1:0"', f'"unix:{self.folder / "front.sock"}"')
        self.start_proxy(text).kill()
        self.assertTrue((self.folder / "front.sock").exists())
        with self.proxy(text), socket.socket(socket.AF_UNIX) as client:
            client.connect(str(self.folder / "front.sock"))
            self.assertEqual(exchange(client, b"again"), b"again")

    def test_ipv6(self):
        try:
            endpoint = listening(where="::1", family=socket.AF_INET6)
        except OSError as error:
            self.skipTest(f"no ::1 here: {error.strerror}")
        with endpoint:
            text = config([f"[::1]:{port_of(endpoint)}"]).replace('"127.0.0.1:0"', '"[::1]:0"')
            with self.proxy(text) as proxy, socket.create_connection(("::1", proxy.port), 60) as client:
                server = self.keep(endpoint.accept()[0])
                client.sendall(b"hello")
                self.assertEqual(server.recv(10), b"hello")
                client.close()
                server.close()
                proxy.wait_for(rf"front shard=\d+ \[::1\]:\d+ -> back/\[::1\]:{port_of(endpoint)} in=5B")

    def test_several_addresses_and_port_0(self):
        text = builtin_echo().replace('"127.0.0.1:0"', '[ "127.0.0.1:0", "127.0.0.2:0" ]')
        with self.proxy(text) as proxy:
            self.assertEqual(len(proxy.ports), 2)
            self.assertTrue(all(proxy.ports))
            self.one_connection(proxy.ports[0])
            with socket.create_connection(("127.0.0.2", proxy.ports[1]), 60) as client:
                self.assertEqual(exchange(client, b"hello"), b"hello")

    # Distribution

    def by_shard(self, distribution, connections):
        text = builtin_echo(listener=f"accept: {{ distribution: {distribution} }}", rest="runtime: { shards: 2 }")
        with self.proxy(text) as proxy:
            clients = [self.keep(connect(proxy.port)) for _ in range(connections)]
            for client in clients:
                self.assertEqual(exchange(client, b"x"), b"x")
            for client in clients:
                client.close()
            proxy.wait_for(ACCESS_LINE, count=connections)
        counts = collections.Counter(found[1] for found in proxy.matching(ACCESS_LINE))
        self.assertIn(f"(shard 0: {counts['0']}, shard 1: {counts['1']})", proxy.text())
        return counts

    def test_round_robin_is_exact(self):
        self.assertEqual(self.by_shard("round_robin", 100), {"0": 50, "1": 50})

    def test_least_connections_is_exact(self):
        self.assertEqual(self.by_shard("least_connections", 100), {"0": 50, "1": 50})

    def test_fixed_is_one_shard(self):
        self.assertEqual(self.by_shard("fixed:1", 20), {"1": 20})

    def test_reuseport_uses_both_shards(self):
        counts = self.by_shard("reuseport", 200)
        self.assertEqual(counts.total(), 200)
        self.assertGreater(min(counts["0"], counts["1"]), 20)

    # Balance

    def test_round_robin_over_endpoints(self):
        backs = [Serving(lambda peer, name=name: peer.sendall(name)) for name in (b"A", b"B", b"C")]
        for back in backs:
            self.addCleanup(back.close)
        text = config([back.port for back in backs], upstream="balance: round_robin", rest="runtime: { shards: 1 }")
        with self.proxy(text) as proxy:
            answers = collections.Counter()
            for _ in range(30):
                with connect(proxy.port) as client:
                    answers[read_exactly(client, 1)] += 1
        self.assertEqual(answers, {b"A": 10, b"B": 10, b"C": 10})


if __name__ == "__main__":
    main()
