# SPDX-License-Identifier: Apache-2.0
"""Sending without end, until nobody takes any more; and reading that what came is what was sent."""

import random
import select

BLOCK = random.Random(1).randbytes(1 << 20)
PIECE = 64 * 1024
QUIET_SECONDS = 0.7


class Flood:
    """Sends the same megabyte over and over on each of the sockets."""

    def __init__(self, sockets):
        self.sent = {peer.fileno(): 0 for peer in sockets}
        self.sockets = {peer.fileno(): peer for peer in sockets}
        self.poll = select.epoll()
        for peer in sockets:
            peer.setblocking(False)
            self.poll.register(peer.fileno(), select.EPOLLOUT)

    def until_quiet(self):
        """Until no socket has taken a byte for a while. The bytes that were taken, in all."""
        while events := self.poll.poll(QUIET_SECONDS):
            for number, _ in events:
                self.push(number)
        return sum(self.sent.values())

    def push(self, number):
        start = self.sent[number] % len(BLOCK)
        try:
            self.sent[number] += self.sockets[number].send(memoryview(BLOCK)[start:start + PIECE])
        except BlockingIOError:
            pass

    def sent_on(self, peer):
        return self.sent[peer.fileno()]


def check_flood(peer, count):
    """Reads `count` bytes of a flood from its beginning. An AssertionError if others come."""
    position = 0
    while position < count:
        start = position % len(BLOCK)
        part = peer.recv(min(PIECE, count - position, len(BLOCK) - start))
        if not part:
            raise AssertionError(f"the flood ended after {position} of {count} bytes")
        if part != BLOCK[start:start + len(part)]:
            raise AssertionError(f"other bytes came than were sent, somewhere in the {len(part)} after {position}")
        position += len(part)
