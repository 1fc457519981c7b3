# SPDX-License-Identifier: Apache-2.0
"""Endpoints for the proxy to talk to: plain ones, and those that misbehave."""

import contextlib
import socket
import threading

from rig import PATIENCE, until


def listening(backlog=4096, where="127.0.0.1", family=socket.AF_INET, receive_buffer=None):
    """A listening socket. A small receive buffer is inherited by what it accepts."""
    endpoint = socket.socket(family)
    endpoint.settimeout(PATIENCE)
    if receive_buffer:
        endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    endpoint.bind((where, 0) if family != socket.AF_UNIX else where)
    endpoint.listen(backlog)
    return endpoint


def port_of(endpoint):
    return endpoint.getsockname()[1]


def accepted(endpoint):
    peer = endpoint.accept()[0]
    peer.settimeout(PATIENCE)
    return peer


@contextlib.contextmanager
def refusing():
    """A port that refuses: bound, so that nobody else gets it, and not listening."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield port_of(holder)


@contextlib.contextmanager
def dropping_syns():
    """A port where connecting gets no answer at all. The kernel drops SYNs for a socket whose queue of connections to
    accept is full, and with a backlog of 0 the queue is full once it holds one. Fillers are added until one of them
    stays without an answer."""
    with contextlib.ExitStack() as held:
        endpoint = held.enter_context(listening(backlog=0))
        for _ in range(8):
            filler = held.enter_context(socket.socket())
            filler.settimeout(0.3)
            try:
                filler.connect(("127.0.0.1", port_of(endpoint)))
            except TimeoutError:
                break
        else:
            raise AssertionError("a full backlog takes connections here")
        yield port_of(endpoint)


class Serving:
    """An endpoint that handles each connection by `serve(socket)` in a thread of its own."""

    def __init__(self, serve):
        self.serve = serve
        self.socket = listening()
        self.port = port_of(self.socket)
        self.count = 0
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def _accept(self):
        while True:
            try:
                peer = accepted(self.socket)
            except OSError:
                return
            self.count += 1
            threading.Thread(target=self._handle, args=(peer,), daemon=True).start()

    def _handle(self, peer):
        with peer, contextlib.suppress(OSError):
            self.serve(peer)

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        until(lambda: not self.thread.is_alive(), "the endpoint stops accepting")


def in_background(work, *arguments):
    """Runs it beside the test; the caller joins."""
    thread = threading.Thread(target=work, args=arguments, daemon=True)
    thread.start()
    return thread
