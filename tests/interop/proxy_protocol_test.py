# SPDX-License-Identifier: Apache-2.0
"""PROXY headers in and out: good ones in any pieces, bad ones, and those of HAProxy, nginx and curl."""

import re
import socket
import subprocess
import time

import byte_table
from byte_table import bytes_of
from endpoints import Serving, accepted, listening, port_of
from rig import Case, config, connect, exchange, main, read_exactly, read_to_end, replied
from strangers import free_port, haproxy, nginx, program

V1 = b"PROXY TCP4 192.0.2.1 192.0.2.9 56324 443\r\n"
ADDRESSES = "c0000201 c0000209 dc04 01bb"
V2 = bytes_of(f"SIG 21 11 000c {ADDRESSES}")
V2_WITH_TLVS = bytes_of(f"SIG 21 11 0018 {ADDRESSES} 030004 ff31fc82 010002 'h2'")  # a checksum, and ALPN
SHORT = "timeouts: { proxy_header: 300ms }"


def echo(peer):
    while part := peer.recv(1 << 16):
        peer.sendall(part)


class Headers(Case):
    def serving(self, serve=echo):
        endpoint = Serving(serve)
        self.addCleanup(endpoint.close)
        return endpoint

    # In

    def test_a_header_in_two_pieces_wherever_they_part(self):
        endpoint, count = self.serving(), 0
        proxy = self.start_proxy(config([endpoint.port], listener="proxy_protocol: require"))
        for header in (V1, V2, V2_WITH_TLVS):
            said = header + b"hello"
            for cut in range(1, len(said)):
                with connect(proxy.port) as client:
                    client.sendall(said[:cut])
                    time.sleep(0.001)  # not to synchronise: so that the pieces may arrive as two
                    client.sendall(said[cut:])
                    self.assertEqual(read_exactly(client, 5), b"hello")
                count += 1
        proxy.wait_for(r"192\.0\.2\.1:56324 -> back/\S+ in=5B out=5B .* end=client_eof", count=count)
        self.stop_cleanly(proxy, copied=r"\d+")  # a header that two blocks part is gathered, which counts

    def test_bad_headers_get_no_reply_and_reach_nobody(self):
        endpoint, rows = self.serving(), byte_table.rows("bad_proxy_headers.txt")
        with self.proxy(config([endpoint.port], listener="proxy_protocol: require")) as proxy:
            with connect(proxy.port) as neighbour:
                neighbour.sendall(V1)
                byte_table.check_refused(self, proxy.port, rows, neighbour, within_s=4.0)
            proxy.wait_for(r"-> back/- in=\d+B out=0B .* end=bad_proxy_header", count=len(rows))
            reported = proxy.wait_for(r"front shard=\d+ 127\.0\.0\.1:\d+: closed: PROXY header: (.*)")
            self.assertEqual(reported[1], rows[0].why)
            self.assertEqual(endpoint.count, 1)  # the neighbour

    def test_a_header_that_does_not_come_is_waited_for_until_the_deadline(self):
        endpoint = self.serving()
        listener = f"proxy_protocol: require, {SHORT}"
        with self.proxy(config([endpoint.port], listener=listener)) as proxy:
            for begun in (b"", b"P", V1[:20], V2[:14], V2[:20]):
                began = time.monotonic()
                with connect(proxy.port) as client:
                    client.sendall(begun)
                    self.assertEqual(read_to_end(client), b"")
                self.assertGreater(time.monotonic() - began, 0.25)
            proxy.wait_for(r"end=proxy_header_timeout", count=5)
            self.assertEqual(endpoint.count, 0)

    def test_a_client_that_leaves_before_its_header_is_nothing_to_report(self):
        endpoint = self.serving()
        with self.proxy(config([endpoint.port], listener="proxy_protocol: require")) as proxy:
            connect(proxy.port).close()
            proxy.wait_for(r"-> back/- in=0B out=0B .* end=client_eof")
            self.assertEqual(proxy.matching("closed: PROXY header"), [])

    def test_accept_takes_clients_with_and_without(self):
        endpoint = self.serving()
        with self.proxy(config([endpoint.port], listener="proxy_protocol: accept")) as proxy:
            with connect(proxy.port) as client:
                self.assertEqual(exchange(client, b"PROXIMA"), b"PROXIMA")
                own = client.getsockname()[1]
            proxy.wait_for(rf"127\.0\.0\.1:{own} -> back/\S+ in=7B out=7B")
            with connect(proxy.port) as client:
                client.sendall(V2 + b"hello")
                self.assertEqual(read_exactly(client, 5), b"hello")
            proxy.wait_for(r"192\.0\.2\.1:56324 -> back/\S+ in=5B out=5B")

    def test_accept_lets_a_server_speak_first(self):
        def greet(peer):
            peer.sendall(b"220 ready\r\n")
            echo(peer)
        endpoint = self.serving(greet)
        with self.proxy(config([endpoint.port], listener=f"proxy_protocol: accept, {SHORT}")) as proxy:
            with connect(proxy.port) as client:
                self.assertEqual(read_exactly(client, 11), b"220 ready\r\n")
                self.assertEqual(exchange(client, b"EHLO"), b"EHLO")

    def test_a_header_before_the_builtin_echo(self):
        text = config([1], listener="proxy_protocol: require").replace('endpoints: [ "127.0.0.1:1" ]', "builtin: echo")
        with self.proxy(text) as proxy:
            with connect(proxy.port) as client:
                client.sendall(V1 + b"hello")
                self.assertEqual(read_exactly(client, 5), b"hello")
            proxy.wait_for(r"192\.0\.2\.1:56324 -> back/echo in=5B out=5B .* end=client_eof")
            with connect(proxy.port) as client:
                client.sendall(b"hello")
                self.assertEqual(replied(client), b"")
            proxy.wait_for(r"-> back/echo in=5B out=0B .* end=bad_proxy_header")

    # Out

    def check_what_arrives(self, listener, upstream, said, expected):
        """`expected`, and the client's hello, arrive in one piece."""
        endpoint = listening()
        self.addCleanup(endpoint.close)
        text = config([port_of(endpoint)], listener=listener, upstream=f"proxy_protocol: {upstream}")
        with self.proxy(text) as proxy, connect(proxy.port) as client:
            client.sendall(said + b"hello")
            with accepted(endpoint) as peer:
                wanted = expected(client, proxy.port) + b"hello"
                first = peer.recv(1 << 16)
                self.assertEqual(first, wanted)
                peer.sendall(b"well")
                self.assertEqual(read_exactly(client, 4), b"well")

    def test_a_header_of_ours_comes_first_and_together_with_what_was_said(self):
        def line(client, port):
            return f"PROXY TCP4 127.0.0.1 127.0.0.1 {client.getsockname()[1]} {port}\r\n".encode()

        def binary(client, port):
            return bytes_of(f"SIG 21 11 000c 7f000001 7f000001 {client.getsockname()[1]:04x} {port:04x}")
        # With `accept` the proxy connects once the client has spoken.
        self.check_what_arrives("proxy_protocol: accept", "v1", b"", line)
        self.check_what_arrives("proxy_protocol: accept", "v2", b"", binary)

    def test_what_was_announced_is_passed_on(self):
        listener = "proxy_protocol: require"
        self.check_what_arrives(listener, "v1", V2_WITH_TLVS, lambda *_: V1)
        self.check_what_arrives(listener, "v2", V1, lambda *_: V2)
        # A checksum of its own, because TLVs were left out or changed their place.
        with_alpn_first = bytes_of(f"SIG 21 11 0018 {ADDRESSES} 010002 'h2' 030004")
        with_alpn_first += crc32c(with_alpn_first + bytes(4)).to_bytes(4, "big")
        self.check_what_arrives(listener, "v2", V2_WITH_TLVS, lambda *_: with_alpn_first)

    def test_a_header_goes_out_before_the_client_says_anything(self):
        endpoint = listening()
        self.addCleanup(endpoint.close)
        with self.proxy(config([port_of(endpoint)], upstream="proxy_protocol: v1")) as proxy:
            with connect(proxy.port) as client, accepted(endpoint) as peer:
                self.assertRegex(peer.recv(200), rb"^PROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 \d+ \d+\r\n$")
                peer.sendall(b"220 ready\r\n")
                self.assertEqual(read_exactly(client, 11), b"220 ready\r\n")

    def test_a_client_of_a_unix_socket_is_unknown_in_v1(self):
        endpoint, path = listening(), self.folder / "front.sock"
        self.addCleanup(endpoint.close)
        text = config([port_of(endpoint)], upstream="proxy_protocol: v1").replace('"127.0.0.1:0"', f'"unix:{path}"')
        with self.proxy(text), socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            client.sendall(b"hello")
            with accepted(endpoint) as peer:
                self.assertEqual(read_exactly(peer, 20), b"PROXY UNKNOWN\r\nhello")

    # Peers

    def test_haproxy_before_us(self):
        endpoint = self.serving()
        with self.proxy(config([endpoint.port], listener="proxy_protocol: require")) as proxy:
            front = [free_port(), free_port()]
            haproxy(self, f"""
listen one
  bind 127.0.0.1:{front[0]}
  server s 127.0.0.1:{proxy.port} send-proxy
listen two
  bind 127.0.0.1:{front[1]}
  server s 127.0.0.1:{proxy.port} send-proxy-v2 proxy-v2-options crc32c,unique-id
  unique-id-format %ci-%cp""")
            for port in front:
                with connect(port) as client:
                    self.assertEqual(exchange(client, b"hello"), b"hello")
                    own = client.getsockname()[1]
                proxy.wait_for(rf"127\.0\.0\.1:{own} -> back/\S+ in=5B out=5B .* end=client_eof")

    def curl(self, *arguments):
        done = subprocess.run([program("curl"), "-sS", "--max-time", "30", *arguments], capture_output=True, text=True,
                              timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def haproxy_that_tells(self, port):
        """Answers with what the header in front of the request said."""
        haproxy(self, f"""
listen back
  mode http
  bind 127.0.0.1:{port} accept-proxy
  http-request return status 200 content-type text/plain lf-string "%[src]:%[src_port] %[fc_pp_authority]." """)

    def test_curl_before_us_and_haproxy_behind(self):
        port = free_port()
        self.haproxy_that_tells(port)
        for version in ("v1", "v2"):
            with self.proxy(config([port], "proxy_protocol: require", f"proxy_protocol: {version}")) as proxy:
                said = self.curl("--haproxy-protocol", f"http://127.0.0.1:{proxy.port}/")
                own = re.fullmatch(r"127\.0\.0\.1:(\d+) \.", said)
                self.assertTrue(own, said)
                proxy.wait_for(rf"127\.0\.0\.1:{own[1]} -> back/")

    def test_tlvs_reach_haproxy(self):
        port = free_port()
        self.haproxy_that_tells(port)
        with self.proxy(config([port], "proxy_protocol: require", "proxy_protocol: v2")) as proxy:
            with connect(proxy.port) as client:
                client.sendall(bytes_of(f"SIG 21 11 0018 {ADDRESSES} 020009 'some.name'"))
                client.sendall(b"GET / HTTP/1.0\r\n\r\n")
                self.assertIn(b"192.0.2.1:56324 some.name.", read_to_end(client))

    def test_nginx_behind_us(self):
        port = free_port()
        nginx(self, f"""
  server {{
    listen 127.0.0.1:{port} proxy_protocol;
    return 200 "$proxy_protocol_addr:$proxy_protocol_port $proxy_protocol_server_port";
  }}""")
        for version in ("v1", "v2"):
            with self.proxy(config([port], "proxy_protocol: accept", f"proxy_protocol: {version}")) as proxy:
                for before in ([], ["--haproxy-protocol"]):
                    said = self.curl(*before, f"http://127.0.0.1:{proxy.port}/")
                    own = re.fullmatch(rf"127\.0\.0\.1:(\d+) {proxy.port}", said)
                    self.assertTrue(own, said)
                    proxy.wait_for(rf"127\.0\.0\.1:{own[1]} -> back/")


def crc32c(data):
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF


if __name__ == "__main__":
    main()
