# SPDX-License-Identifier: Apache-2.0
"""Much of it: a large file both ways at once, and two thousand connections with every byte compared."""

import hashlib
import random
import threading

from endpoints import accepted, listening, port_of
from rig import FULL, SEED, Case, config, connect, main
from round_trips import RoundTrips

FILE_BYTES = (1 << 30) if FULL else (128 << 20)
CONNECTIONS = 2000
TRIPS = 50
LIMIT = 240.0  # seconds; a fraction of it where nothing else runs
PIECE = 1 << 20


def write_file(path, seed):
    """Random bytes, and their sum. The same random megabyte with a running number: sorted is not enough to be equal."""
    block, total = bytearray(random.Random(seed).randbytes(PIECE)), hashlib.sha256()
    with open(path, "wb") as file:
        for number in range(FILE_BYTES // PIECE):
            block[:8] = number.to_bytes(8, "big")
            file.write(block)
            total.update(block)
    return total.hexdigest()


class Direction(threading.Thread):
    """Sends a file on one socket, or sums up what comes on it."""

    def __init__(self, work):
        super().__init__(daemon=True)
        self.work = work
        self.result = None
        self.start()

    def run(self):
        self.result = self.work()

    def wait(self):
        self.join(LIMIT)
        return self.result


def send_file(peer, path):
    with open(path, "rb") as file:
        peer.sendfile(file)
    peer.shutdown(1)
    return "sent"


def receive_sum(peer):
    total, count, buffer = hashlib.sha256(), 0, bytearray(PIECE)
    while size := peer.recv_into(buffer):
        total.update(memoryview(buffer)[:size])
        count += size
    return total.hexdigest(), count


class Transfer(Case):
    def test_a_large_file_both_ways_at_once(self):
        up, down = self.folder / "up", self.folder / "down"
        sums = write_file(up, SEED), write_file(down, SEED + 1)
        with listening() as endpoint, self.proxy(config([port_of(endpoint)])) as proxy:
            with connect(proxy.port) as client, accepted(endpoint) as server:
                senders = [Direction(lambda: send_file(client, up)), Direction(lambda: send_file(server, down))]
                receivers = [Direction(lambda: receive_sum(server)), Direction(lambda: receive_sum(client))]
                self.assertEqual([one.wait() for one in senders], ["sent", "sent"])
                self.assertEqual([one.wait() for one in receivers], [(one, FILE_BYTES) for one in sums])
            proxy.wait_for(rf"in={FILE_BYTES}B out={FILE_BYTES}B .* end=\w+_eof")

    def round_trips(self, proxy):
        done = RoundTrips(proxy.port, CONNECTIONS, TRIPS, SEED).run(LIMIT)
        print(f"{done.trips} round trips, {done.bytes >> 20} MiB each way, the largest {done.largest} B", flush=True)
        self.assertEqual(done.trips, CONNECTIONS * TRIPS)

    def test_two_thousand_connections(self):
        with self.proxy(config([self.echo_server()])) as proxy:
            self.round_trips(proxy)
        self.assertRegex(proxy.text(), rf"stopped: {CONNECTIONS} connections \(")

    # Marks so low that most blocks make the proxy stop and go on reading.
    def test_small_buffers(self):
        with self.proxy(config([self.echo_server()], listener="buffers: { high: 16KiB, low: 4KiB }")) as proxy:
            RoundTrips(proxy.port, CONNECTIONS if FULL else 200, TRIPS, SEED).run(LIMIT)


if __name__ == "__main__":
    main()
