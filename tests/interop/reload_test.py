#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""SIGHUP of shoal-proxy under load: each reload changes something, whose effect is seen, and nobody else notices.

SHOAL_FULL=1: sixty reloads, one a second; else eight.
"""

import json
import os
import signal
import socket
import time
import unittest
import urllib.request

from crowd import Crowd
from endpoints import Serving
from rig import FULL, SANITIZED, Case, connect, exchange, main, replied, until, with_poller

RELOADS = 60 if FULL else 8
SETTLED = 10  # reloads after which memory may not grow much any more
CLIENTS = 200
MOST_GROWTH_KIB = 1024


def echo(peer):
    while data := peer.recv(1 << 16):
        peer.sendall(data)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Reload(Case):
    def endpoint(self):
        made = Serving(echo)
        self.addCleanup(made.close)
        return made

    def reload(self, proxy, text, words=r"reloaded \S+ in \d+ ms: "):
        before = len(proxy.matching(words))
        self.file("proxy.yaml", text)
        proxy.tell(signal.SIGHUP)
        return proxy.wait_for(words, count=before + 1)

    def upstreams(self, proxy):
        port = proxy.wait_for(r"^  admin     http://127.0.0.1:(\d+)")[1]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/upstreams", timeout=30) as page:
            return {one["name"]: one for one in json.load(page)["upstreams"]}


class UnderLoad(Reload):
    def setUp(self):
        super().setUp()
        self.endpoints = [self.endpoint(), self.endpoint()]
        self.extra_port = free_port()
        self.state = {"endpoints": 1, "extra": False, "limit": 1000, "name": "back"}

    def text(self):
        s = self.state
        listed = ", ".join(f'"127.0.0.1:{e.port}"' for e in self.endpoints[:s["endpoints"]])
        extra = f'  - {{ name: extra, bind: "127.0.0.1:{self.extra_port}", upstream: {s["name"]} }}\n'
        return f"""
listeners:
  - {{ name: front, bind: "127.0.0.1:0", upstream: {s["name"]} }}
{extra if s["extra"] else ""}
upstreams:
  - {{ name: {s["name"]}, balance: round_robin, endpoints: [ {listed} ], health_check: {{ interval: 1s }},
       limits: {{ max_connections: {s["limit"]} }} }}
access_log: {{ path: "-" }}
admin: {{ bind: "127.0.0.1:0" }}
{with_poller("")}
"""

    def change_endpoints(self, proxy):
        self.state["endpoints"] = 3 - self.state["endpoints"]
        self.reload(proxy, self.text())
        before = self.endpoints[1].count
        if self.state["endpoints"] == 2:
            until(lambda: self.endpoints[1].count > before, "the new endpoint has connections")
        else:
            self.assertEqual(len(self.upstreams(proxy)[self.state["name"]]["endpoints"]), 1)

    def change_listeners(self, proxy):
        self.state["extra"] = not self.state["extra"]
        self.reload(proxy, self.text())
        if self.state["extra"]:
            with connect(self.extra_port) as client:
                exchange(client, b"hello")
        else:
            until(self.extra_is_refused, "the old listener's port is closed")

    def extra_is_refused(self):
        try:
            connect(self.extra_port).close()
        except ConnectionRefusedError:
            return True
        return False

    def change_limit(self, proxy):
        self.state["limit"] = 2500 - self.state["limit"]
        self.reload(proxy, self.text())
        shown = self.upstreams(proxy)[self.state["name"]]["limit"]["max_connections"]
        self.assertEqual(shown, self.state["limit"])

    def change_name(self, proxy):
        self.state["name"] = "other" if self.state["name"] == "back" else "back"
        self.reload(proxy, self.text())
        with connect(proxy.port) as client:
            exchange(client, b"hello")
            name = client.getsockname()
        proxy.wait_for(rf"127\.0\.0\.1:{name[1]} -> {self.state['name']}/")

    def test_every_second_with_a_change(self):
        proxy = self.start_proxy(self.text())
        changes = [self.change_endpoints, self.change_listeners, self.change_limit, self.change_name]
        settled = None
        with Crowd(proxy.port, CLIENTS) as crowd:
            until(lambda: crowd.requests > CLIENTS, "the crowd is there")
            for number in range(RELOADS):
                began = time.monotonic()
                changes[number % len(changes)](proxy)
                if number + 1 == SETTLED:
                    settled = proxy.kib("VmRSS")
                time.sleep(max(0.0, 1 - (time.monotonic() - began)))  # the rhythm of the load, not an event
            asked = crowd.requests
            until(lambda: crowd.requests > asked + CLIENTS, "everybody is still served")
            growth = proxy.kib("VmRSS") - settled if settled else None
        self.assertEqual(crowd.wrong, [], proxy.say())
        print(f"{RELOADS} reloads, {crowd.requests} requests on {crowd.connections} connections, none wrong; "
              f"memory since reload {SETTLED}: {growth} KiB")
        if growth is not None and not SANITIZED:
            self.assertLessEqual(growth, MOST_GROWTH_KIB)
        self.stop_cleanly(proxy, copied=r"\d+")  # the states' pages


class OneChange(Reload):
    def text(self, endpoint, listener="", rest="", front="127.0.0.1:0"):
        return f"""
listeners:
  - {{ name: front, bind: "{front}", upstream: back{listener} }}
upstreams:
  - {{ name: back, endpoints: [ "127.0.0.1:{endpoint.port}" ] }}
access_log: {{ path: "-" }}
{with_poller(rest)}
"""

    def test_a_bad_file_changes_nothing(self):
        endpoint = self.endpoint()
        proxy = self.start_proxy(self.text(endpoint))
        self.reload(proxy, self.text(endpoint, rest="nonsense: 1"), r"reload: .* is not applied; what runs stays")
        proxy.wait_for(r"proxy\.yaml:\d+:1: nonsense: unknown key")
        with connect(proxy.port) as client:
            exchange(client, b"hello")
        self.stop_cleanly(proxy)

    def test_a_port_that_is_taken_changes_nothing(self):
        endpoint = self.endpoint()
        proxy = self.start_proxy(self.text(endpoint))
        with socket.create_server(("127.0.0.1", 0)) as other:
            taken = other.getsockname()[1]
            more = f'\n  - {{ name: second, bind: "127.0.0.1:{taken}", upstream: back }}\nupstreams:'
            self.reload(proxy, self.text(endpoint).replace("\nupstreams:", more),
                        rf"reload: listener second: 127\.0\.0\.1:{taken}: .* is not applied, what runs stays")
        with connect(proxy.port) as client:
            exchange(client, b"hello")
        self.reload(proxy, self.text(endpoint))
        self.stop_cleanly(proxy)

    def test_what_needs_a_restart_is_named_and_the_rest_applied(self):
        first, second = self.endpoint(), self.endpoint()
        proxy = self.start_proxy(self.text(first))
        rest = "shutdown: { drain_timeout: 7s }"
        listener = ", accept: { distribution: round_robin }"
        self.reload(proxy, self.text(second, listener=listener, rest=rest))
        proxy.wait_for(r"reload: shutdown has changed, which takes a restart; the rest is applied")
        proxy.wait_for(r"reload: listener front: accept\.distribution has changed, which takes a restart")
        with connect(proxy.port) as client:
            exchange(client, b"hello")
        self.assertEqual(second.count, 1)
        self.stop_cleanly(proxy)

    def test_a_client_of_a_removed_listener_goes_on(self):
        endpoint = self.endpoint()
        port = free_port()
        more = f'\n  - {{ name: second, bind: "127.0.0.1:{port}", upstream: back }}\nupstreams:'
        proxy = self.start_proxy(self.text(endpoint).replace("\nupstreams:", more))
        client = connect(port)
        exchange(client, b"before")
        self.reload(proxy, self.text(endpoint), r"reloaded .* listeners 1 removed; upstreams unchanged")
        exchange(client, b"after")
        client.close()
        proxy.wait_for(r"second .* end=client_eof")
        # The address is free for somebody else, and for a listener that comes back.
        self.reload(proxy, self.text(endpoint).replace("\nupstreams:", more), r"reloaded .* listeners 1 added")
        with connect(port) as again:
            exchange(again, b"hello")
        self.stop_cleanly(proxy)

    def test_a_stop_meets_clients_of_three_configurations(self):
        endpoint = self.endpoint()
        proxy = self.start_proxy(self.text(endpoint))
        clients = []
        for idle in ("1m", "2m", "3m"):
            clients.append(connect(proxy.port))
            exchange(clients[-1], b"hello")
            self.reload(proxy, self.text(endpoint, listener=f", timeouts: {{ idle: {idle} }}"))
        proxy.tell(signal.SIGTERM)
        proxy.wait_for("draining 3 connections")
        for client in clients:
            exchange(client, b"still here")
            client.close()
        self.assertEqual(proxy.wait(), 0, proxy.say())
        self.assertIn("left over: 0 fds, 0 blocks, 0 timers", proxy.text())

    def test_a_builtin_server_and_real_ones_take_turns(self):
        endpoint = self.endpoint()
        proxy = self.start_proxy(self.text(endpoint))
        builtin = self.text(endpoint).replace(f'endpoints: [ "127.0.0.1:{endpoint.port}" ]', "builtin: echo")
        kept = []
        for text in (builtin, self.text(endpoint), builtin):
            kept.append(connect(proxy.port))
            exchange(kept[-1], b"hello")
            self.reload(proxy, text)
        for client in kept:
            exchange(client, b"again")
            client.close()
        self.stop_cleanly(proxy)


if __name__ == "__main__":
    main()
