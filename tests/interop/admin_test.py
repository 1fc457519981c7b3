# SPDX-License-Identifier: Apache-2.0
"""What the proxy says about itself over HTTP: counters that equal the access log, states, and bad requests."""

import collections
import json
import os
import re
import shutil
import signal
import subprocess
import unittest
import urllib.error
import urllib.request

from endpoints import Serving, refusing
from rig import PATIENCE, Case, abort, config, connect, exchange, main, read_to_end, until

ADMIN = 'admin: { bind: "127.0.0.1:0" }'
FOUR = f"runtime: {{ shards: 4 }}\n{ADMIN}"
CLIENTS = 100_000 if os.environ.get("SHOAL_FULL") else 600
SMALL = r"\d+"  # short answers are copied once, as short pieces are everywhere
SAMPLE = re.compile(r'^([a-z_]+)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
ENDED = re.compile(r" in=(\d+)B out=(\d+)B .* end=(\w+)$")


def where(proxy):
    return proxy.matching(r"^  admin     http://(\S+) ")[0][1]


def get(proxy, path, method="GET"):
    """(status, headers, text)"""
    request = urllib.request.Request(f"http://{where(proxy)}{path}", method=method)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.headers, refused.read().decode()


def samples(proxy):
    """{name: [(labels, value)]}"""
    status, _, text = get(proxy, "/metrics")
    assert status == 200, text
    found = collections.defaultdict(list)
    for line in text.splitlines():
        if not line.startswith("#"):
            name, labels, value = SAMPLE.match(line).groups()
            found[name].append((dict(LABEL.findall(labels or "")), float(value)))
    return found


def total(found, name, **labels):
    return sum(value for has, value in found[name] if labels.items() <= has.items())


class Echo(Serving):
    def __init__(self):
        super().__init__(self.echo)

    def echo(self, peer):
        while data := peer.recv(1 << 16):
            peer.sendall(data)


class Admin(Case):
    def echo(self):
        made = Echo()
        self.addCleanup(made.close)
        return made

    def raw(self, proxy, said):
        host, _, port = where(proxy).rpartition(":")
        self.assertEqual(host, "127.0.0.1")
        with connect(int(port)) as client:
            client.sendall(said)
            return read_to_end(client).decode()

    def test_the_counters_are_the_access_log(self):
        endpoint = self.echo_server()
        log = self.folder / "access.log"
        with refusing() as dead:
            text = config([endpoint, dead], upstream="balance: round_robin", rest=FOUR)
            with self.proxy(text.replace('path: "-"', 'path: "access.log"')) as proxy:
                for number in range(CLIENTS):
                    client = connect(proxy.port)
                    exchange(client, b"x" * (1 + number % 300))
                    abort(client) if number % 3 == 0 else client.close()
                until(lambda: total(samples(proxy), "shoal_listener_connections") == 0, "all have ended")
                until(lambda: log.read_text().count("\n") == CLIENTS, "all lines are written")
                found = samples(proxy)
                lines = [ENDED.search(line) for line in log.read_text().splitlines()]
                ends = collections.Counter(line[3] for line in lines)
                self.assertGreater(len(ends), 1, ends)
                for end, count in ends.items():
                    self.assertEqual(total(found, "shoal_listener_connections_total", end=end), count)
                self.assertEqual(total(found, "shoal_listener_connections_total", listener="front"), CLIENTS)
                received = sum(int(line[1]) for line in lines)
                self.assertEqual(total(found, "shoal_listener_received_bytes_total"), received)
                sent = sum(int(line[2]) for line in lines)
                self.assertEqual(total(found, "shoal_listener_sent_bytes_total"), sent)
                failed = total(found, "shoal_upstream_connect_failures_total", endpoint=f"127.0.0.1:{dead}")
                self.assertEqual(total(found, "shoal_upstream_connects_total"), CLIENTS + failed)
                self.assertGreater(failed, 0)
                self.assertEqual(total(found, "shoal_upstream_connections"), 0)
                self.assertEqual(len(found["shoal_shard_busy_ratio"]), 4)
                self.assertEqual(total(found, "shoal_copied_bytes_total"), 0)

    def test_prometheus_can_read_it(self):
        tool = shutil.which("promtool")
        if tool is None:
            raise unittest.SkipTest("promtool is not installed (Debian: prometheus)")
        limits = "limits: { max_connections: 5 }"
        with self.proxy(config([self.echo().port], upstream=limits, rest=FOUR)) as proxy:
            with connect(proxy.port) as client:
                exchange(client, b"ping")
                text = get(proxy, "/metrics")[2]
            checked = subprocess.run([tool, "check", "metrics"], input=text, capture_output=True, text=True,
                                     check=False)
            self.assertEqual((checked.returncode, checked.stdout + checked.stderr), (0, ""))

    def test_upstreams_and_their_endpoints(self):
        up = self.echo().port
        with refusing() as dead:
            checks = "health_check: { interval: 100ms, fall: 1 }, limits: { max_connections: 7 }, balance: maglev"
            with self.proxy(config([up, dead], upstream=checks, rest=FOUR), copied=SMALL) as proxy:
                proxy.wait_for(r"up -> down")

                def seen():
                    status, headers, text = get(proxy, "/upstreams")
                    self.assertEqual((status, headers["Content-Type"]), (200, "application/json"))
                    return json.loads(text)["upstreams"]

                with connect(proxy.port) as client:
                    exchange(client, b"ping")
                    (only,) = seen()
                    self.assertEqual((only["name"], only["balance"]), ("back", "maglev"))
                    self.assertEqual(only["limit"], {"max_connections": 7, "in_use": 1, "waiting": 0})
                    first, second = only["endpoints"]
                    self.assertEqual((first["endpoint"], first["up"]), (f"127.0.0.1:{up}", True))
                    self.assertEqual((first["connections"], sum(first["connections_by_shard"])), (1, 1))
                    self.assertEqual((second["up"], second["connections"]), (False, 0))
                until(lambda: seen()[0]["endpoints"][0]["connections"] == 0, "the client is gone")
                up_at = samples(proxy)["shoal_upstream_endpoint_up"]
                self.assertEqual(sum(value for _, value in up_at), 4)  # one of two, on each shard

    def test_ready_ends_when_the_end_begins(self):
        rest = f"{ADMIN}\nshutdown: {{ delay: 2s, drain_timeout: 10s }}"
        proxy = self.start_proxy(config([self.echo().port], rest=rest))
        self.assertEqual(get(proxy, "/ready")[0], 200)
        self.assertEqual(get(proxy, "/healthz")[0], 200)
        with connect(proxy.port) as client:
            exchange(client, b"before")
            proxy.tell(signal.SIGTERM)
            until(lambda: get(proxy, "/ready")[0] == 503, "it is not ready any more")
            with connect(proxy.port) as late:
                exchange(late, b"it still serves")
            self.assertEqual(get(proxy, "/healthz")[0], 200)
            self.assertEqual(total(samples(proxy), "shoal_listener_connections"), 1)
            exchange(client, b"and finishes")
        self.assertEqual(proxy.wait(), 0, proxy.say())

    def test_bad_requests(self):
        with self.proxy(config([self.echo().port], rest=ADMIN), copied=SMALL) as proxy:
            self.assertEqual(get(proxy, "/nothing")[0], 404)
            self.assertIn("/metrics", get(proxy, "/")[2])
            status, headers, _ = get(proxy, "/metrics", "POST")
            self.assertEqual((status, headers["Allow"]), (405, "GET, HEAD"))
            status, headers, text = get(proxy, "/metrics", "HEAD")
            self.assertEqual((status, text), (200, ""))
            self.assertGreater(int(headers["Content-Length"]), 1000)
            self.assertEqual(get(proxy, "/healthz?verbose=1")[0], 200)
            for said in (b"nonsense\r\n\r\n", b"GET /metrics\r\n\r\n", b"GET /metrics HTTP/2.0\r\n\r\n", b"\r\n\r\n",
                         b"GET http://x/metrics HTTP/1.1\r\n\r\n", b"GET /" + b"a" * 20_000):
                self.assertTrue(self.raw(proxy, said).startswith("HTTP/1.1 400 Bad Request\r\n"), said[:40])
            self.assertTrue(self.raw(proxy, b"GET /ready HTTP/1.0\r\n\r\n").endswith("\r\n\r\nready\n"))

    def test_who_says_nothing_is_closed_and_keeps_nobody_waiting(self):
        with self.proxy(config([self.echo().port], rest=ADMIN), copied=SMALL) as proxy:
            host, _, port = where(proxy).rpartition(":")
            silent = [connect(int(port)) for _ in range(10)]
            self.assertEqual(get(proxy, "/ready")[0], 200, host)
            for client in silent:
                client.settimeout(10)
                self.assertEqual(client.recv(1), b"")
                client.close()


if __name__ == "__main__":
    main()
