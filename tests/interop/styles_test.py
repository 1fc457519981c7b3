# SPDX-License-Identifier: Apache-2.0
"""One protocol in three styles of code (a plain function, a coroutine per message, one per connection) before clients
that others wrote, and before clients that misbehave. The server is tests/bench/echo_styles.cpp."""

import subprocess

from rig import BIN, SANITIZED, Case, Program, abort, connect, exchange, listening_port, main, until

STYLES = ("plain", "message", "session")
FLOOD = 64 << 20
# What one connection may pin: its marks both ways, twice, and what the allocator keeps at hand.
MOST_GROWTH_KIB = 24 << 10


class Styles(Case):
    def setUp(self):
        super().setUp()
        self.servers = {}
        for style in STYLES:
            program = self.started(Program(BIN / "bench_echo_styles", "--style", style, "--listen", "127.0.0.1:0"))
            self.servers[style] = (program, until(lambda program=program: listening_port(program), f"{style} listens"))

    def each(self):
        for style, (program, port) in self.servers.items():
            with self.subTest(style=style):
                yield program, port

    def tearDown(self):
        for style, (program, _) in self.servers.items():
            with self.subTest(style=style):
                self.assertEqual(program.stop(), 0, program.say())
                self.assertEqual(program.matching(r"^left over: 0 fds, 0 blocks, 0 timers$") != [], True, program.say())
        super().tearDown()

    def said_by(self, *command, said=b"", status=0):
        done = subprocess.run([str(part) for part in command], input=said, capture_output=True, timeout=60, check=False)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout

    def test_socat(self):
        text = b"x" * 300_000
        for _, port in self.each():
            self.assertEqual(self.said_by("socat", "-t", "30", "-", f"TCP:127.0.0.1:{port}", said=text), text)

    def test_nc(self):
        for _, port in self.each():
            self.assertEqual(self.said_by("nc", "-N", "127.0.0.1", port, said=b"hello\n"), b"hello\n")

    def test_curl(self):
        # Its own question comes back, as from a server of HTTP/0.9 that does not hang up; then its time is over.
        for _, port in self.each():
            got = self.said_by("curl", "-s", "--http0.9", "-m", "1", f"http://127.0.0.1:{port}/hello", status=28)
            self.assertTrue(got.startswith(b"GET /hello HTTP/1.1\r\n"), got)
            self.assertTrue(got.endswith(b"\r\n\r\n"), got)

    def test_a_peer_that_resets(self):
        for program, port in self.each():
            before = program.open_files()
            for _ in range(50):
                peer = connect(port)
                peer.sendall(b"some bytes that nobody waits for")
                abort(peer)
            until(lambda program=program, before=before: program.open_files() == before, "all are closed")
            with connect(port) as peer:
                self.assertEqual(exchange(peer, b"still here"), b"still here")

    def test_a_peer_that_never_reads(self):
        for program, port in self.each():
            before = program.kib("VmRSS")
            deaf = connect(port)
            self.addCleanup(deaf.close)
            deaf.setblocking(False)
            sent = 0
            with connect(port) as other:
                while sent < FLOOD:
                    try:
                        sent += deaf.send(b"y" * 65536)
                    except BlockingIOError:
                        break
                    if sent % (1 << 20) < 65536:
                        self.assertEqual(exchange(other, b"served"), b"served")
                self.assertLess(sent, FLOOD, "it took all that its peer would not read")
                self.assertEqual(exchange(other, b"served"), b"served")
            if not SANITIZED:
                self.assertLess(program.kib("VmRSS") - before, MOST_GROWTH_KIB)
            abort(deaf)


if __name__ == "__main__":
    main()
