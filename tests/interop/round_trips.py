# SPDX-License-Identifier: Apache-2.0
"""Many connections at once, each sending blocks of random sizes and comparing every byte that comes back.

One thread and one epoll, so that two thousand connections cost two thousand sockets and nothing else.
"""

import errno
import os
import random
import select
import socket
import time

LARGEST = 300 * 1024
CHUNK = 256 * 1024


def random_size(choices):
    """1 B to 300 KiB. Nine of ten are small, one has any magnitude: the mean is 3 KiB."""
    if choices.random() < 0.9:
        return choices.randint(1, 1024)
    return int(LARGEST ** choices.random())


class Conversation:
    """One connection: `trips` blocks, each sent whole and awaited whole."""

    __slots__ = ("socket", "trips", "out", "back", "connected", "interest")

    def __init__(self, port, trips):
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.trips = trips
        self.out = self.back = memoryview(b"")
        self.connected = False
        self.interest = select.EPOLLOUT
        error = self.socket.connect_ex(("127.0.0.1", port))
        if error not in (0, errno.EINPROGRESS):
            raise OSError(error, os.strerror(error))


class RoundTrips:
    def __init__(self, port, connections, trips, seed):
        self.choices = random.Random(seed)
        self.pattern = memoryview(self.choices.randbytes(4 * LARGEST))
        self.buffer = bytearray(CHUNK)
        self.view = memoryview(self.buffer)
        self.bytes = 0
        self.trips = 0
        self.largest = 0
        self.poll = select.epoll()
        self.open = {}
        for _ in range(connections):
            talk = Conversation(port, trips)
            self.open[talk.socket.fileno()] = talk
            self.poll.register(talk.socket.fileno(), talk.interest)

    def run(self, seconds):
        """Until all have had their trips. An AssertionError says what went wrong."""
        deadline = time.monotonic() + seconds
        while self.open:
            events = self.poll.poll(1.0)
            if time.monotonic() > deadline:
                raise AssertionError(f"{len(self.open)} connections are not done after {seconds:g} s")
            for number, what in events:
                self.step(self.open[number], what)
        return self

    def step(self, talk, what):
        if not talk.connected:
            error = talk.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if error:
                raise AssertionError(f"connecting: {os.strerror(error)}")
            talk.connected = True
            self.next_trip(talk)
        if what & (select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR) and not self.receive(talk):
            return
        if talk.out:
            self.send(talk)
        wanted = select.EPOLLIN | (select.EPOLLOUT if talk.out else 0)
        if wanted != talk.interest:
            talk.interest = wanted
            self.poll.modify(talk.socket.fileno(), wanted)

    def next_trip(self, talk):
        talk.trips -= 1
        size = random_size(self.choices)
        start = self.choices.randrange(len(self.pattern) - size)
        talk.out = talk.back = self.pattern[start:start + size]
        self.bytes += size
        self.trips += 1
        self.largest = max(self.largest, size)
        self.send(talk)

    def send(self, talk):
        try:
            talk.out = talk.out[talk.socket.send(talk.out):]
        except BlockingIOError:
            pass

    def receive(self, talk):
        """False once the connection has had its last trip and is closed."""
        try:
            count = talk.socket.recv_into(self.buffer)
        except BlockingIOError:
            return True
        if count == 0:
            raise AssertionError(f"closed with {len(talk.back)} bytes to come")
        if count > len(talk.back) - len(talk.out):
            raise AssertionError("more bytes came than were sent")
        if self.view[:count] != talk.back[:count]:
            raise AssertionError("other bytes came than were sent")
        talk.back = talk.back[count:]
        if not talk.back:
            if talk.trips == 0:
                del self.open[talk.socket.fileno()]
                talk.socket.close()
                return False
            self.next_trip(talk)
        return True
