# SPDX-License-Identifier: Apache-2.0
"""Peers that stop reading: the proxy stops reading too, its memory stays within what the file allows, nothing is lost,
and it goes on when they read again."""

from endpoints import accepted, listening, port_of
from flood import Flood, check_flood
from rig import SANITIZED, Case, abort, builtin_echo, config, connect, main

PEERS = 100
HIGH = 1 << 20
# Both directions of each connection, and what the program and its allocators need besides.
ALLOWED_KIB = (PEERS * 2 * HIGH + (32 << 20)) >> 10
SMALL = 16 * 1024  # socket buffers of those who don't read, so that the bytes pile up in the proxy
BUFFERS = "buffers: { high: 1MiB, low: 256KiB }"


class Pressure(Case):
    def pairs(self, proxy, endpoint):
        clients, servers = [], []
        for _ in range(PEERS):
            clients.append(connect(proxy.port, receive_buffer=SMALL))
            servers.append(accepted(endpoint))
        for peer in clients + servers:
            self.addCleanup(peer.close)
        return clients, servers

    def check_memory(self, proxy, before, pushed):
        grown = proxy.kib("VmHWM") - before
        print(f"{pushed >> 20} MiB taken, memory grown by {grown >> 10} of {ALLOWED_KIB >> 10} MiB", flush=True)
        if not SANITIZED:
            self.assertLessEqual(grown, ALLOWED_KIB)
        self.assertGreaterEqual(pushed, PEERS * HIGH // 2, "the proxy takes less than the file says")

    def leave(self, peers):
        for peer in peers:
            abort(peer)

    def test_clients_that_stop_reading(self):
        endpoint = listening()
        self.addCleanup(endpoint.close)
        with self.proxy(config([port_of(endpoint)], listener=BUFFERS)) as proxy:
            before = proxy.kib("VmRSS")
            clients, servers = self.pairs(proxy, endpoint)
            flood = Flood(servers)
            self.check_memory(proxy, before, flood.until_quiet())
            # One of them reads after all, and gets everything, in order.
            check_flood(clients[0], flood.sent_on(servers[0]))
            self.leave(clients)

    def test_endpoint_that_never_reads(self):
        endpoint = listening(receive_buffer=SMALL)
        self.addCleanup(endpoint.close)
        with self.proxy(config([port_of(endpoint)], listener=BUFFERS)) as proxy:
            before = proxy.kib("VmRSS")
            clients, servers = self.pairs(proxy, endpoint)
            flood = Flood(clients)
            self.check_memory(proxy, before, flood.until_quiet())
            check_flood(servers[0], flood.sent_on(clients[0]))
            self.leave(clients)

    def test_builtin_echo_of_clients_that_never_read(self):
        with self.proxy(builtin_echo(listener=BUFFERS)) as proxy:
            before = proxy.kib("VmRSS")
            clients = [connect(proxy.port, receive_buffer=SMALL) for _ in range(PEERS)]
            for client in clients:
                self.addCleanup(client.close)
            flood = Flood(clients)
            self.check_memory(proxy, before, flood.until_quiet())
            clients[0].settimeout(30)
            check_flood(clients[0], flood.sent_on(clients[0]))
            self.leave(clients)


if __name__ == "__main__":
    main()
