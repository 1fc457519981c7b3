# SPDX-License-Identifier: Apache-2.0
"""Limits of an upstream with real peers: never one connection too many, and the line in front of it."""

import threading

from endpoints import Serving
from rig import Case, abort, config, connect, exchange, main, until

SHARDS = "runtime: { shards: 8 }"


class Counting(Serving):
    """Echoes, and knows how many connections it has, and had at most."""

    def __init__(self):
        self.lock, self.open, self.most = threading.Lock(), 0, 0
        super().__init__(self.echo)

    def echo(self, peer):
        with self.lock:
            self.open += 1
            self.most = max(self.most, self.open)
        try:
            while data := peer.recv(4096):
                # Before the answer that ends a client: the proxy may open the next connection as soon as it has it.
                if data.endswith(b"bye\n"):
                    self.leave()
                    peer.sendall(data)
                    return
                peer.sendall(data)
        finally:
            self.leave()

    def leave(self):
        with self.lock:
            self.open = max(self.open - 1, 0)


class Limits(Case):
    def counting(self):
        made = Counting()
        self.addCleanup(made.close)
        return made

    def test_a_thousand_clients_of_a_hundred_places(self):
        endpoint = self.counting()
        limits = "limits: { max_connections: 100, max_pending: 1000, queue_timeout: 30s }"
        with self.proxy(config([endpoint.port], upstream=limits, rest=SHARDS)) as proxy:
            clients = [connect(proxy.port) for _ in range(1000)]
            until(lambda: endpoint.open == 100, "all places are taken")
            served = []

            def serve(some):
                for client in some:
                    exchange(client, b"ping")
                    exchange(client, b"bye\n")
                    client.close()
                    served.append(client)

            crews = [threading.Thread(target=serve, args=(clients[i::250],), daemon=True) for i in range(250)]
            for crew in crews:
                crew.start()
            for crew in crews:
                crew.join(60)
            self.assertEqual(len(served), 1000, proxy.say())
            self.assertLessEqual(endpoint.most, 100)
            self.assertGreaterEqual(endpoint.most, 98)
            self.assertEqual(endpoint.count, 1000)

    def test_who_does_not_fit_into_the_line_is_closed(self):
        endpoint = self.counting()
        limits = "limits: { max_connections: 2, max_pending: 3, queue_timeout: 30s }"
        with self.proxy(config([endpoint.port], upstream=limits, rest=SHARDS)) as proxy:
            inside = [connect(proxy.port) for _ in range(2)]
            for client in inside:
                exchange(client, b"ping")
            others = [connect(proxy.port) for _ in range(10)]
            proxy.wait_for(r"end=queue_full", count=7)
            proxy.wait_for(r"upstream back has its 2 connections: too many wait, a client is closed")
            inside[0].close()
            inside[1].close()
            proxy.wait_for(r"end=client_eof", count=2)
            still_there = 0
            for client in others:
                client.sendall(b"bye\n")
            for client in others:
                if client.recv(4) == b"bye\n":
                    still_there += 1
                client.close()
            self.assertEqual(still_there, 3, proxy.say())

    def test_waiting_has_an_end(self):
        endpoint = self.counting()
        limits = "limits: { max_connections: 1, max_pending: 5, queue_timeout: 300ms }"
        with self.proxy(config([endpoint.port], upstream=limits, rest=SHARDS)) as proxy:
            with connect(proxy.port) as inside:
                exchange(inside, b"ping")
                with connect(proxy.port) as late:
                    self.assertEqual(late.recv(1), b"")
                proxy.wait_for(r"upstream back has its 1 connections: no place in time, a client is closed")
                proxy.wait_for(r"end=queue_timeout")
                exchange(inside, b"ping")
            self.assertEqual(endpoint.count, 1)

    def test_who_leaves_the_line_is_forgotten(self):
        endpoint = self.counting()
        limits = "limits: { max_connections: 1, max_pending: 1, queue_timeout: 30s }"
        with self.proxy(config([endpoint.port], upstream=limits, rest=SHARDS)) as proxy:
            with connect(proxy.port) as inside:
                exchange(inside, b"ping")
                for _ in range(5):
                    # The line has room for one: each of them finds it empty.
                    impatient = connect(proxy.port)
                    impatient.sendall(b"x")
                    abort(impatient)
                    proxy.wait_for(r"end=client_reset")
                self.assertEqual(proxy.matching(r"queue_full"), [], proxy.say())
            self.assertEqual(endpoint.count, 1)


if __name__ == "__main__":
    main()
