# SPDX-License-Identifier: Apache-2.0
"""How connections begin and end through the proxy: half-closed, cut off, short-lived, silent; no byte is lost to it."""

import contextlib
import random
import signal
import socket

from endpoints import accepted, in_background, listening, port_of
from flood import Flood, check_flood
from rig import (NOTHING_LEFT, PATIENCE, Case, Program, abort, builtin_echo, config, connect, how_it_ends,
                 listening_port, main, read_exactly, read_to_end, until)

ANSWER = random.Random(3).randbytes(3 << 20)
STORM = 2000


class Ending(Case):
    def setUp(self):
        super().setUp()
        self.endpoint = listening()
        self.addCleanup(self.endpoint.close)

    def between(self, **more):
        return self.proxy(config([port_of(self.endpoint)], **more))

    def pair(self, proxy, **more):
        client = connect(proxy.port, **more)
        self.addCleanup(client.close)
        server = accepted(self.endpoint)
        self.addCleanup(server.close)
        return client, server

    # Half-closed

    def test_answer_after_the_clients_end(self):
        with self.between() as proxy:
            client, server = self.pair(proxy)
            client.sendall(b"question")
            client.shutdown(socket.SHUT_WR)
            self.assertEqual(read_to_end(server), b"question")
            sender = in_background(lambda: (server.sendall(ANSWER), server.close()))
            self.assertEqual(read_to_end(client), ANSWER)
            sender.join()
            line = proxy.wait_for(r"in=8B out=(\d+)B .* end=(\w+)")
            self.assertEqual((int(line[1]), line[2]), (len(ANSWER), "client_eof"))

    def test_answer_after_the_endpoints_end(self):
        with self.between() as proxy:
            client, server = self.pair(proxy)
            server.sendall(b"send me everything")
            server.shutdown(socket.SHUT_WR)
            self.assertEqual(read_to_end(client), b"send me everything")
            sender = in_background(lambda: (client.sendall(ANSWER), client.close()))
            self.assertEqual(read_to_end(server), ANSWER)
            sender.join()
            line = proxy.wait_for(r"in=(\d+)B out=18B .* end=(\w+)")
            self.assertEqual((int(line[1]), line[2]), (len(ANSWER), "upstream_eof"))

    def test_half_closed_timeout(self):
        with self.between(listener="timeouts: { half_closed: 500ms }") as proxy:
            client, server = self.pair(proxy)
            client.shutdown(socket.SHUT_WR)
            self.assertEqual(read_to_end(server), b"")
            self.assertIn(how_it_ends(client), ("end", "reset"))
            proxy.wait_for(r"end=half_closed_timeout")

    def test_bytes_sent_just_before_closing_all_arrive(self):
        with self.between() as proxy:
            for one in range(20):
                client, server = self.pair(proxy)
                near, far = (client, server) if one % 2 else (server, client)
                sender = in_background(lambda near=near: (near.sendall(ANSWER), near.close()))
                self.assertEqual(read_to_end(far), ANSWER)
                sender.join()
                far.close()

    def test_closed_while_the_other_side_does_not_read_yet(self):
        with self.between() as proxy:
            for near_is_client in (True, False):
                client, server = self.pair(proxy, receive_buffer=16 * 1024)
                near, far = (client, server) if near_is_client else (server, client)
                flood = Flood([near])
                flood.until_quiet()
                sent = flood.sent_on(near)
                near.close()
                check_flood(far, sent)
                self.assertEqual(how_it_ends(far), "end")
                far.close()

    # Cut off

    def cut_off(self, near_of, far_of, talked):
        with self.between() as proxy:
            pair = self.pair(proxy)
            near, far = near_of(pair), far_of(pair)
            if talked:
                near.sendall(b"x")
                self.assertEqual(far.recv(10), b"x")
            abort(near)
            ending = how_it_ends(far)
            # An endpoint may be gone again before the proxy knows that it was there: nothing of its was cut off then.
            line = proxy.wait_for(r"end=(client|upstream)_reset|end=connect_failed")
            self.assertEqual(ending, "end" if line[0] == "end=connect_failed" else "reset")

    def test_reset_by_the_client(self):
        for talked in (False, True):
            with self.subTest(talked=talked):
                self.cut_off(lambda pair: pair[0], lambda pair: pair[1], talked)

    def test_reset_by_the_endpoint(self):
        for talked in (False, True):
            with self.subTest(talked=talked):
                self.cut_off(lambda pair: pair[1], lambda pair: pair[0], talked)

    def stuck_and_cut_off(self, near_is_client):
        """The near side sends without end to one that does not read, so that the proxy has stopped reading it."""
        with self.between() as proxy:
            client, server = self.pair(proxy, receive_buffer=16 * 1024)
            near, far = (client, server) if near_is_client else (server, client)
            Flood([near]).until_quiet()
            abort(near)
            self.assertIn(how_it_ends(far), ("end", "reset"))
            proxy.wait_for(r"end=(client|upstream)_\w+")

    def test_reset_by_a_client_that_is_not_read(self):
        self.stuck_and_cut_off(near_is_client=True)

    def test_reset_by_an_endpoint_that_is_not_read(self):
        self.stuck_and_cut_off(near_is_client=False)

    def reader_cut_off(self, far_is_client):
        """The side that never reads goes away: the sender must learn it although the proxy owes bytes."""
        with self.between() as proxy:
            client, server = self.pair(proxy, receive_buffer=16 * 1024)
            far, near = (client, server) if far_is_client else (server, client)
            Flood([near]).until_quiet()
            near.settimeout(PATIENCE)
            abort(far)
            self.assertIn(how_it_ends(near), ("end", "reset"))
            proxy.wait_for(r"end=(client|upstream)_\w+")

    def test_client_that_does_not_read_goes_away(self):
        self.reader_cut_off(far_is_client=True)

    def test_endpoint_that_does_not_read_goes_away(self):
        self.reader_cut_off(far_is_client=False)

    # Beginnings

    def test_endpoint_that_talks_first(self):
        with self.between() as proxy:
            client, server = self.pair(proxy)
            server.sendall(b"220 mail.example.com ESMTP\r\n")
            self.assertEqual(client.recv(100), b"220 mail.example.com ESMTP\r\n")
            client.sendall(b"QUIT\r\n")
            self.assertEqual(server.recv(100), b"QUIT\r\n")
            server.sendall(b"221 bye\r\n")
            server.close()
            self.assertEqual(read_to_end(client), b"221 bye\r\n")
            client.close()

    def test_socat_on_both_sides(self):
        text = self.file("text", "".join(f"line {number}\n" for number in range(50_000)))
        program = self.started(Program("socat", "-u", "TCP-LISTEN:0,bind=127.0.0.1", "STDOUT"))
        port = until(lambda: listening_port(program), "socat listens")
        with self.proxy(config([port])) as proxy:
            client = self.started(Program("socat", "-u", f"OPEN:{text}", f"TCP:127.0.0.1:{proxy.port}"))
            self.assertEqual(client.wait(), 0)
            self.assertEqual(program.wait(), 0)
        self.assertEqual("\n".join(program.lines) + "\n", text.read_text())

    # Many short ones

    def storm(self, proxy, leave):
        before = proxy.open_files()
        for _ in range(STORM):
            leave(connect(proxy.port))
        # Who was reset before being served has no line; the last one has.
        self.hello_and_goodbye(connect(proxy.port))
        greeted = STORM if leave == self.hello_and_goodbye else 0
        proxy.wait_for(r"front shard=\d+ .* in=5B out=5B .* end=\w+", count=greeted + 1)
        until(lambda: proxy.open_files() == before, "the proxy has closed all that it opened")

    def hello_and_goodbye(self, client):
        with client:
            client.sendall(b"hello")
            client.shutdown(socket.SHUT_WR)
            self.assertEqual(read_exactly(client, 5), b"hello")

    def test_storms_leave_nothing(self):
        for how in ("close", "abort", "hello"):
            leave = {"close": socket.socket.close, "abort": abort, "hello": self.hello_and_goodbye}[how]
            with self.subTest(how=how, to="an endpoint"), self.proxy(config([self.echo_server()])) as proxy:
                self.storm(proxy, leave)
            with self.subTest(how=how, to="the builtin echo"), self.proxy(builtin_echo()) as proxy:
                self.storm(proxy, leave)

    def test_stop_in_a_storm(self):
        proxy = self.start_proxy(config([self.echo_server()]))
        for number in range(STORM):
            if number == STORM // 2:
                proxy.tell(signal.SIGTERM)
            with contextlib.suppress(ConnectionError), socket.socket() as client:
                client.settimeout(PATIENCE)
                client.connect(("127.0.0.1", proxy.port))
        self.assertEqual(proxy.wait(), 0, proxy.say())
        self.assertIn(NOTHING_LEFT, proxy.text())


if __name__ == "__main__":
    main()
