# SPDX-License-Identifier: Apache-2.0
"""Many connections that do nothing cost next to nothing: shards sleep."""

import pathlib
import time

from rig import SANITIZED, Case, builtin_echo, connect, exchange, main, until

CONNECTIONS = 8000
SHARDS = 2
MOST = 0.002  # of a core, per shard
WATCHED_SECONDS = 5
SETTLING_SECONDS = 4  # memory of the busy time goes back to the kernel in the first seconds


def cpu_seconds(pid):
    """Of all threads, in the kernel's nanoseconds."""
    threads = pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(thread.read_text(encoding="ascii").split()[0]) for thread in threads) / 1e9


class Idle(Case):
    def test_eight_thousand_idle_connections(self):
        with self.proxy(builtin_echo(rest=f"runtime: {{ shards: {SHARDS}, pin: off }}")) as proxy:
            clients = []
            self.addCleanup(lambda: [client.close() for client in clients])
            for _ in range(CONNECTIONS):
                clients.append(connect(proxy.port))
                self.assertEqual(exchange(clients[-1], b"hello"), b"hello")
            time.sleep(SETTLING_SECONDS)
            began, before = time.monotonic(), cpu_seconds(proxy.pid)
            time.sleep(WATCHED_SECONDS)
            used = (cpu_seconds(proxy.pid) - before) / (time.monotonic() - began)
            print(f"{CONNECTIONS} idle connections: {used:.4%} of a core for {SHARDS} shards", flush=True)
            if not SANITIZED:
                self.assertLessEqual(used, MOST * SHARDS)
            # They are still served.
            for client in clients[::1000]:
                self.assertEqual(exchange(client, b"again"), b"again")
            for client in clients:
                client.close()
            until(lambda: proxy.open_files() < 100, "the proxy has closed its side")


if __name__ == "__main__":
    main()
