# SPDX-License-Identifier: Apache-2.0
"""TLS passed through by server name: OpenSSL on both sides, hellos in any pieces, bad ones, and who finds no place."""

import socket
import ssl
import subprocess
import time

import byte_table
from byte_table import bytes_of
from endpoints import Serving, accepted, listening, port_of
from rig import (PATIENCE, Case, Program, connect, exchange, listening_port, main, read_exactly, read_to_end,
                 until)
from strangers import program

DB, WEB = "db.example.com", "www.example.com"


def hello_for(name):
    """What OpenSSL sends first."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    sent = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), sent, server_hostname=name)
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        return sent.read()
    raise AssertionError("a handshake with nobody")


def in_records(hello, payload):
    """The same in records of at most so many bytes."""
    message = hello[5:]
    parts = [message[at:at + payload] for at in range(0, len(message), payload)]
    return b"".join(hello[:3] + len(part).to_bytes(2, "big") + part for part in parts)


def config(sni, upstreams, listener=""):
    """`upstreams`: name to port, or to (port, more keys)."""
    lines = []
    for name, where in upstreams.items():
        port, more = where if isinstance(where, tuple) else (where, "")
        lines.append(f'  - {{ name: {name}, endpoints: [ "127.0.0.1:{port}" ]{more and ", " + more} }}')
    return f"""
listeners:
  - {{ name: front, bind: "127.0.0.1:0", sni: {{ {sni} }}{listener and ", " + listener} }}
upstreams:
{chr(10).join(lines)}
access_log: {{ path: "-" }}
"""


class ByName(Case):
    def setUp(self):
        super().setUp()
        self.one, self.two = Serving(echo), Serving(echo)
        self.addCleanup(self.one.close)
        self.addCleanup(self.two.close)

    def two_names(self, listener="", rest=""):
        return config(f'{DB}: db, "*.example.com": web{rest}', {"db": self.one.port, "web": self.two.port}, listener)

    def openssl_server(self, name):
        """The port of `openssl s_server` with a certificate for that name."""
        cert, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        done = subprocess.run([program("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt",
                               "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", f"/CN={name}",
                               "-addext", f"subjectAltName=DNS:{name}", "-keyout", key, "-out", cert],
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        server = self.started(Program(program("openssl"), "s_server", "-accept", "127.0.0.1:0", "-cert", cert,
                                      "-key", key, "-rev", "-quiet"))
        return until(lambda: listening_port(server), "openssl s_server listens"), cert

    def s_client(self, port, name, trusted, *more):
        """What the server sent, reversed lines, to a client that checks its certificate for that name."""
        command = [program("openssl"), "s_client", "-connect", f"127.0.0.1:{port}", "-servername", name, "-CAfile",
                   str(trusted), "-verify_return_error", "-verify_hostname", name, "-quiet", "-no_ign_eof", *more]
        client = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            client.stdin.write(b"hello\n")
            client.stdin.flush()
            line = client.stdout.readline()
            client.stdin.close()
            self.assertEqual(client.wait(PATIENCE), 0, client.stderr.read())
            return line
        finally:
            client.kill()
            client.wait()
            client.stdout.close()
            client.stderr.close()

    def test_openssl_on_both_sides(self):
        (db, db_cert), (web, web_cert) = self.openssl_server(DB), self.openssl_server(WEB)
        with self.proxy(config(f'{DB}: db, "*.example.com": web', {"db": db, "web": web})) as proxy:
            for version in ("-tls1_2", "-tls1_3"):
                self.assertEqual(self.s_client(proxy.port, DB, db_cert, version), b"olleh\n")
                self.assertEqual(self.s_client(proxy.port, WEB, web_cert, version), b"olleh\n")
                self.assertEqual(self.s_client(proxy.port, DB.upper(), db_cert, version), b"olleh\n")
            proxy.wait_for(rf"-> db/127\.0\.0\.1:{db} ", count=4)
            proxy.wait_for(rf"-> web/127\.0\.0\.1:{web} ", count=2)

    def test_a_hello_in_two_pieces_arrives_unchanged(self):
        for payload in (16384, 100):
            hello = in_records(hello_for(DB), payload)
            with self.proxy(self.two_names()) as proxy:
                for cut in range(1, len(hello)):
                    with connect(proxy.port) as client:
                        client.sendall(hello[:cut])
                        time.sleep(0.001)  # not to synchronise: so that the pieces may arrive as two
                        client.sendall(hello[cut:])
                        self.assertEqual(read_exactly(client, len(hello)), hello)
                proxy.wait_for(rf"-> db/\S+ in={len(hello)}B out={len(hello)}B .* end=client_eof", count=len(hello) - 1)
        self.assertEqual(self.two.count, 0)

    def test_a_hello_byte_by_byte(self):
        hello = in_records(hello_for(DB), 1)
        with self.proxy(self.two_names()) as proxy, connect(proxy.port) as client:
            for byte in hello:
                client.sendall(bytes((byte,)))
            self.assertEqual(read_exactly(client, len(hello)), hello)

    def test_each_name_finds_its_place(self):
        with self.proxy(self.two_names(rest=', "*": db')) as proxy:
            for name, place in ((DB, "db"), (WEB, "web"), ("a.b.example.com", "web"), ("example.com", "db"),
                                ("other.org", "db"), (None, "db")):
                seen = len(proxy.matching(rf"-> {place}/"))
                with connect(proxy.port) as client:
                    exchange(client, hello_for(name))
                proxy.wait_for(rf"-> {place}/", count=seen + 1)

    def test_no_place_is_a_line_and_an_end(self):
        for name, why in (("other.org", "no upstream for other.org"), (None, "the client names no server")):
            with self.proxy(self.two_names()) as proxy:
                with connect(proxy.port) as client:
                    client.sendall(hello_for(name))
                    self.assertEqual(read_to_end(client), b"")
                proxy.wait_for(rf"front shard=\d+ 127\.0\.0\.1:\d+: closed: sni: {why}")
                proxy.wait_for(r"front shard=\d+ \S+ -> -/- in=\d+B out=0B .* end=no_sni_match")
        self.assertEqual(self.one.count + self.two.count, 0)

    def test_bad_hellos_get_no_reply_and_reach_nobody(self):
        rows = byte_table.rows("bad_client_hellos.txt")
        hello = hello_for(DB)
        with self.proxy(self.two_names(rest=', "*": web')) as proxy:
            with connect(proxy.port) as neighbour:
                self.assertEqual(exchange(neighbour, hello), hello)
                byte_table.check_refused(self, proxy.port, rows, neighbour, within_s=9.0)
            proxy.wait_for(r"-> -/- in=\d+B out=0B .* end=bad_client_hello", count=len(rows))
            reported = proxy.wait_for(r"front shard=\d+ 127\.0\.0\.1:\d+: closed: ClientHello: (.*)")
            self.assertEqual(reported[1], rows[0].why)
            self.assertEqual((self.one.count, self.two.count), (1, 0))  # the neighbour

    def test_a_hello_that_does_not_come_is_waited_for_until_the_deadline(self):
        hello = hello_for(DB)
        with self.proxy(self.two_names("timeouts: { tls_handshake: 300ms }")) as proxy:
            for begun in (b"", hello[:3], hello[:-1]):
                began = time.monotonic()
                with connect(proxy.port) as client:
                    client.sendall(begun)
                    self.assertEqual(read_to_end(client), b"")
                self.assertGreater(time.monotonic() - began, 0.25)
            proxy.wait_for(r"end=client_hello_timeout", count=3)
        self.assertEqual(self.one.count, 0)

    def test_a_client_that_leaves_before_its_hello_is_nothing_to_report(self):
        with self.proxy(self.two_names()) as proxy:
            connect(proxy.port).close()
            proxy.wait_for(r"-> -/- in=0B out=0B .* end=client_eof")
            self.assertEqual(proxy.matching("closed: "), [])

    def test_behind_a_proxy_header_and_with_one(self):
        endpoint = listening()
        self.addCleanup(endpoint.close)
        text = config(f"{DB}: db", {"db": (port_of(endpoint), "proxy_protocol: v2")}, "proxy_protocol: require")
        hello = hello_for(DB)
        with self.proxy(text) as proxy, connect(proxy.port) as client:
            client.sendall(b"PROXY TCP4 192.0.2.1 192.0.2.9 56324 443\r\n" + hello)
            with accepted(endpoint) as peer:
                header = bytes_of("SIG 21 11 000c c0000201 c0000209 dc04 01bb")
                self.assertEqual(read_exactly(peer, len(header + hello)), header + hello)
                peer.shutdown(socket.SHUT_WR)
                self.assertEqual(read_to_end(client), b"")
            client.close()
            proxy.wait_for(rf"192\.0\.2\.1:56324 -> db/\S+ in={len(hello)}B out=0B")


def echo(peer):
    while part := peer.recv(1 << 16):
        peer.sendall(part)


if __name__ == "__main__":
    main()
