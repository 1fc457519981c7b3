#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Starts the consumer in the current folder, has one line echoed, stops it: talk.py PROGRAM"""

import signal
import socket
import subprocess
import sys
import time

SOCKET, PATIENCE = "consumer.sock", 30


def connected(program):
    """A connection to the program, as soon as it listens."""
    end = time.monotonic() + PATIENCE
    while program.poll() is None and time.monotonic() < end:
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(PATIENCE)
        try:
            client.connect(SOCKET)
            return client
        except OSError:
            client.close()
            time.sleep(0.01)
    sys.exit(f"the consumer did not listen (exit status {program.poll()})")


with subprocess.Popen([sys.argv[1]]) as consumer:
    try:
        with connected(consumer) as stream:
            stream.sendall(b"hello\n")
            stream.shutdown(socket.SHUT_WR)
            reply = b"".join(iter(lambda: stream.recv(100), b""))
        consumer.send_signal(signal.SIGTERM)
        status = consumer.wait(PATIENCE)
    finally:
        consumer.kill()
if reply != b"hello\n" or status != 0:
    sys.exit(f"sent hello, got {reply!r}; exit status {status}")
print("echoed and stopped")
