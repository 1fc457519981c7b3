# SPDX-License-Identifier: Apache-2.0
"""The first minutes with shoal-proxy: what the screen says, an echo by socat, Ctrl-C, and a port that is taken."""

import pathlib
import signal
import subprocess
import time

from endpoints import listening, port_of
from rig import (BIN, LISTEN, NOTHING_LEFT, Case, builtin_echo, config, connect, how_it_ends, main, tcp_rows,
                 until)

QUICKSTART = pathlib.Path(__file__).parents[2] / "configs" / "quickstart.yaml"
CLOCK = r"^\d\d:\d\d:\d\d "


def socat(port, said):
    done = subprocess.run(["socat", "-", f"TCP:127.0.0.1:{port}"], input=said, capture_output=True, timeout=60,
                          check=True)
    return done.stdout


class FirstRun(Case):
    def quickstart(self):
        text = QUICKSTART.read_text(encoding="utf-8")
        self.assertIn('"127.0.0.1:7000"', text)
        return text.replace('"127.0.0.1:7000"', '"127.0.0.1:0"')

    def test_what_the_screen_says(self):
        proxy = self.start_proxy(self.quickstart())
        self.assertEqual(socat(proxy.port, b"hello\n"), b"hello\n")
        line = rf"{CLOCK}front shard=\d+ 127\.0\.0\.1:\d+ -> demo/echo in=6B out=6B \S+s end=client_eof$"
        proxy.wait_for(line)
        self.assertEqual(proxy.stop(signal.SIGINT), 0, proxy.say())
        said = iter([one for one in proxy.lines if "max_connections lowered" not in one])
        for expected in (
                rf"^shoal-proxy \d+\.\d+\.\d+ \(\S+\)  pid {proxy.pid}  Linux \d+\.\d+$",
                r"^  poller    (epoll|io_uring) \(.+\)$",
                r"^  shard 0   (cpu \d+   pinned|not pinned)   \d+ MiB$",
                rf"^  listener  front   tcp 127\.0\.0\.1:{proxy.port} -> demo \(builtin echo\)$",
                r"^  admin     off     files \d+, enough for \d+ pairs$",
                r"^ready in \d+ ms$"):
            one = next(said)
            while "  shard " in one and "  shard " not in expected:
                one = next(said)
            self.assertRegex(one, expected)
        for expected in (
                line,
                CLOCK + r"draining 0 connections$",
                CLOCK + r"stopped: 1 connection \((shard \d+: \d+(, )?)+\), copied 0 B$",
                r"left over: 0 fds, 0 blocks, 0 timers$"):
            self.assertEqual(len(proxy.matching(expected)), 1, f"{expected} in: {proxy.say()}")

    def test_second_start_on_the_same_address(self):
        for distribution in ("reuseport", "round_robin"):
            with self.subTest(distribution=distribution):
                text = builtin_echo(listener=f"accept: {{ distribution: {distribution} }}")
                first = self.start_proxy(text)
                second = self.file("second.yaml", text.replace("127.0.0.1:0", f"127.0.0.1:{first.port}"))
                done = subprocess.run([BIN / "shoal-proxy", "-c", second], capture_output=True, text=True, timeout=60,
                                      check=False)
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertIn(f"127.0.0.1:{first.port}", done.stderr)
                self.assertIn("in use", done.stderr)
                self.assertNotIn("ready in", done.stdout)
                self.assertEqual(socat(first.port, b"still here"), b"still here")
                self.stop_cleanly(first)

    def test_the_address_is_free_again_after_a_stop(self):
        text = builtin_echo()
        first = self.start_proxy(text)
        port = first.port
        self.assertEqual(socat(port, b"1"), b"1")
        self.stop_cleanly(first)
        second = self.start_proxy(text.replace("127.0.0.1:0", f"127.0.0.1:{port}"))
        self.assertEqual(socat(port, b"2"), b"2")
        self.stop_cleanly(second)

    def hanging(self, drain_timeout):
        """A proxy with one connection that nobody ends."""
        endpoint = listening()
        self.addCleanup(endpoint.close)
        proxy = self.start_proxy(config([port_of(endpoint)], rest=f"shutdown: {{ drain_timeout: {drain_timeout} }}"))
        client = connect(proxy.port)
        self.addCleanup(client.close)
        server = endpoint.accept()[0]
        self.addCleanup(server.close)
        client.sendall(b"hello")
        self.assertEqual(server.recv(10), b"hello")
        return proxy, client, server

    def test_draining_lets_a_connection_finish(self):
        proxy, client, server = self.hanging("60s")
        proxy.tell(signal.SIGTERM)
        proxy.wait_for(r"draining 1 connection$")
        until(lambda: not tcp_rows(LISTEN, local=proxy.port), "the listener is closed")
        server.sendall(b"the rest")
        self.assertEqual(client.recv(10), b"the rest")
        server.close()
        self.assertEqual(how_it_ends(client), "end")
        client.close()
        self.assertEqual(proxy.wait(), 0)
        self.assertRegex(proxy.text(), r"stopped: 1 connection .*, copied 0 B\n.*left over: 0 fds, 0 blocks, 0 timers")

    def test_drain_timeout(self):
        proxy, client, _ = self.hanging("1s")
        began = time.monotonic()
        self.stop_cleanly(proxy)
        took = time.monotonic() - began
        self.assertGreater(took, 0.9)
        self.assertLess(took, 6)
        self.assertIn(how_it_ends(client), ("end", "reset"))
        self.assertRegex(proxy.text(), r"in=5B out=0B .* end=stopped")

    def test_second_signal_stops_at_once(self):
        for first, second in ((signal.SIGINT, signal.SIGINT), (signal.SIGTERM, signal.SIGINT)):
            with self.subTest(first=first.name, second=second.name):
                proxy, client, _ = self.hanging("60s")
                proxy.tell(first)
                proxy.wait_for(r"draining 1 connection$")
                began = time.monotonic()
                self.assertEqual(proxy.stop(second), 0, proxy.say())
                self.assertLess(time.monotonic() - began, 6)
                self.assertIn(NOTHING_LEFT, proxy.text())
                self.assertIn(how_it_ends(client), ("end", "reset"))

    def test_idle_clients_of_the_builtin_echo_do_not_delay_a_stop(self):
        proxy = self.start_proxy(builtin_echo(rest="shutdown: { drain_timeout: 60s }"))
        clients = [connect(proxy.port) for _ in range(20)]
        for client in clients:
            self.addCleanup(client.close)
            client.sendall(b"x")
            self.assertEqual(client.recv(1), b"x")
        began = time.monotonic()
        proxy.tell(signal.SIGINT)
        self.assertEqual({how_it_ends(client) for client in clients}, {"end"})
        for client in clients:
            client.close()
        self.assertEqual(proxy.wait(), 0)
        self.assertLess(time.monotonic() - began, 10)
        self.assertIn(NOTHING_LEFT, proxy.text())


if __name__ == "__main__":
    main()
