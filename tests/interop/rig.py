# SPDX-License-Identifier: Apache-2.0
"""Starts the built programs, reads what they say, and makes sure that none of them outlives its test.

SHOAL_BIN names the directory of the programs. Everything listens on 127.0.0.1 and on a port that the kernel picks.
SHOAL_SEED replays the random choices of a run; SHOAL_FULL=1 asks for the large sizes; SHOAL_TEST_POLLER names the
poller of every program that is started.
"""

import contextlib
import ctypes
import os
import pathlib
import random
import re
import resource
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

BIN = pathlib.Path(os.environ["SHOAL_BIN"])
SANITIZED = os.environ.get("SHOAL_SANITIZE", "") != ""  # then memory and time are the sanitizer's
FULL = os.environ.get("SHOAL_FULL") == "1"
POLLER = os.environ.get("SHOAL_TEST_POLLER") or "auto"
SEED = int(os.environ.get("SHOAL_SEED") or random.SystemRandom().getrandbits(32))

# How long to wait for what must happen. Generous: a sanitizer on a busy machine is slow, and who waits for an event
# loses nothing by it.
PATIENCE = 60.0
SHOWN = 20  # lines at either end of what a program said, in the message of a failure

NOTHING_LEFT = "left over: 0 fds, 0 blocks, 0 timers"
LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1
SYN_SENT, LISTEN = "02", "0A"  # states in /proc/net/tcp


def raise_file_limit():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def die_with_parent():
    """A test that is killed takes its programs with it."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def until(condition, what, seconds=PATIENCE):
    """Looks again and again; for states that nobody reports (a file, /proc)."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        time.sleep(0.005)
    return found


class Program:
    """A running program. Its lines, of both outputs, arrive in `lines`."""

    def __init__(self, *command, **how):
        self.lines = []
        self._news = threading.Condition()  # recursive: say() is called while waiting
        self._open = 2
        self.process = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace",
                                        preexec_fn=die_with_parent, **how)
        self._readers = [threading.Thread(target=self._read, args=(stream,), daemon=True)
                         for stream in (self.process.stdout, self.process.stderr)]
        for reader in self._readers:
            reader.start()

    def _read(self, stream):
        for line in stream:
            with self._news:
                self.lines.append(line.rstrip("\n"))
                self._news.notify_all()
        with self._news:
            self._open -= 1
            self._news.notify_all()

    @property
    def pid(self):
        return self.process.pid

    def text(self):
        with self._news:
            return "\n".join(self.lines)

    def say(self):
        """What it said, for the message of a failure: the beginning and the end."""
        with self._news:
            middle = [] if len(self.lines) <= 2 * SHOWN else [f"[{len(self.lines) - 2 * SHOWN} lines more]"]
            shown = self.lines[:SHOWN] + middle + self.lines[SHOWN:][-SHOWN:]
        return f"{self.process.args[0]} said:\n" + "\n".join(shown)

    def matching(self, pattern):
        with self._news:
            return [found for line in self.lines if (found := re.search(pattern, line))]

    def wait_for(self, pattern, count=1, seconds=PATIENCE):
        """The match of the line that makes it `count` lines with this pattern."""
        deadline = time.monotonic() + seconds
        found, seen = [], 0
        with self._news:
            while True:
                found += [match for line in self.lines[seen:] if (match := re.search(pattern, line))]
                seen = len(self.lines)
                if len(found) >= count:
                    return found[count - 1]
                left = deadline - time.monotonic()
                if self._open == 0 or left <= 0:
                    raise AssertionError(f"{len(found)} of {count} lines say {pattern!r} in:\n" + self.say())
                self._news.wait(left)

    def tell(self, number):
        self.process.send_signal(number)

    def wait(self, seconds=PATIENCE):
        """The exit status, once all that it said has been read."""
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {seconds:g} s; {self.say()}") from None
        for reader in self._readers:
            reader.join(PATIENCE)
        return status

    def stop(self, number=signal.SIGINT, seconds=PATIENCE):
        self.tell(number)
        return self.wait(seconds)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for reader in self._readers:
            reader.join(PATIENCE)
        self.process.stdout.close()
        self.process.stderr.close()

    def kib(self, field):
        """A figure of /proc/PID/status, such as VmRSS or VmHWM (the highest VmRSS so far)."""
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        return int(re.search(rf"^{field}:\s+(\d+) kB", status, re.MULTILINE)[1])

    def open_files(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))


class Proxy(Program):
    """shoal-proxy with its listeners: `ports` of those on TCP, in the order of the file."""

    def __init__(self, file, command=None, **how):
        super().__init__(*(command or [BIN / "shoal-proxy", "-c", file]), **how)
        self.ports = []

    def wait_until_ready(self):
        self.wait_for(r"^ready in \d+ ms$")
        self.ports = [int(found[1]) for found in self.matching(r"^  listener .* tcp \S+:(\d+) -> ")]
        return self

    @property
    def port(self):
        return self.ports[0]


class Case(unittest.TestCase):
    """A test with a folder of its own; what it started is gone at its end."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="shoal-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.random = random.Random(SEED)

    def file(self, name, text):
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def started(self, program):
        self.addCleanup(program.kill)
        return program

    def start_proxy(self, text, name="proxy.yaml"):
        return self.started(Proxy(self.file(name, text))).wait_until_ready()

    @contextlib.contextmanager
    def proxy(self, text, copied=0):
        """A proxy that must stop cleanly afterwards and leave nothing. `copied`: bytes, or a pattern."""
        running = self.start_proxy(text)
        yield running
        self.stop_cleanly(running, copied)

    def stop_cleanly(self, running, copied=0):
        self.assertEqual(running.stop(), 0, running.say())
        self.assertEqual(len(running.matching(re.escape(NOTHING_LEFT))), 1, running.say())
        self.assertRegex(running.text(), rf"stopped: \d+ connections? \(.*\), copied {copied} B")

    def echo_server(self, shards=1):
        """The port of a running shoal-echo. It can't tell which port 0 became, so /proc is asked."""
        program = self.started(Program(BIN / "shoal-echo", "--listen", "127.0.0.1:0", "--shards", shards,
                                       "--poller", POLLER))
        return until(lambda: listening_port(program), "shoal-echo listens")


def listening_port(program):
    """The TCP port that a process listens on, or None yet."""
    if program.process.poll() is not None:
        raise AssertionError(f"it did not start; {program.say()}")
    inodes = set()
    with contextlib.suppress(FileNotFoundError):
        for number in os.listdir(f"/proc/{program.pid}/fd"):
            with contextlib.suppress(FileNotFoundError):
                inodes.add(os.readlink(f"/proc/{program.pid}/fd/{number}"))
    return next((local for local, _, inode in tcp_rows(LISTEN) if f"socket:[{inode}]" in inodes), None)


def tcp_rows(state, local=None, remote=None):
    """(local port, remote port, inode) of this machine's IPv4 sockets in that state. Connecting would tell as much of
    a listener, but leaves a connection behind."""
    rows = []
    for line in pathlib.Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        fields = line.split()
        here, there = (int(fields[number].partition(":")[2], 16) for number in (1, 2))
        if fields[3] == state and local in (None, here) and remote in (None, there):
            rows.append((here, there, fields[9]))
    return rows


def with_poller(rest):
    """The rest of a configuration, with SHOAL_TEST_POLLER where it says nothing of its own about the run time."""
    return rest if POLLER == "auto" or "runtime:" in rest else f"{rest}\nruntime: {{ poller: {POLLER} }}"


def why_no_poller():
    """Why SHOAL_TEST_POLLER can't be used on this machine, or None: a program that is to use it does not start."""
    if POLLER == "auto":
        return None
    tried = subprocess.Popen([str(BIN / "shoal-echo"), "--listen", "127.0.0.1:0", "--shards", "1", "--poller", POLLER],
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, preexec_fn=die_with_parent)
    try:
        said = tried.communicate(timeout=1)[0].strip()
        return said.splitlines()[-1] if said else "it does not start"
    except subprocess.TimeoutExpired:
        tried.kill()
        tried.communicate()
        return None


def config(endpoints, listener="", upstream="", rest=""):
    """A proxy with one listener on a free port. Each of the last three is YAML to add at its place."""
    listed = ", ".join(f'"{where}"' if isinstance(where, str) else f'"127.0.0.1:{where}"' for where in endpoints)
    return f"""
listeners:
  - {{ name: front, bind: "127.0.0.1:0", upstream: back{listener and ", " + listener} }}
upstreams:
  - {{ name: back, endpoints: [ {listed} ]{upstream and ", " + upstream} }}
access_log: {{ path: "-" }}
{with_poller(rest)}
"""


def builtin_echo(listener="", rest=""):
    return f"""
listeners:
  - {{ name: front, bind: "127.0.0.1:0", upstream: demo{listener and ", " + listener} }}
upstreams:
  - {{ name: demo, builtin: echo }}
access_log: {{ path: "-" }}
{with_poller(rest)}
"""


def connect(port, seconds=PATIENCE, receive_buffer=None):
    """A connected client. A small receive buffer must be asked for before connecting."""
    client = socket.socket()
    client.settimeout(seconds)
    if receive_buffer:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    try:
        client.connect(("127.0.0.1", port))
    except OSError:
        client.close()
        raise
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return client


def abort(peer):
    """Closes with a reset instead of an end."""
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    peer.close()


def read_exactly(peer, count):
    parts, left = [], count
    while left:
        part = peer.recv(min(left, 1 << 20))
        if not part:
            raise AssertionError(f"the end came {left} of {count} bytes too early")
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def exchange(client, said):
    client.sendall(said)
    return read_exactly(client, len(said))


def read_to_end(peer):
    return b"".join(iter(lambda: peer.recv(1 << 20), b""))


def how_it_ends(peer):
    """Reads what comes, then "end" or "reset"."""
    try:
        read_to_end(peer)
    except ConnectionResetError:
        return "reset"
    return "end"


def replied(client):
    """What came before the end, in whatever way it ended."""
    said = b""
    try:
        while part := client.recv(1 << 16):
            said += part
    except ConnectionResetError:
        pass
    return said


def main():
    raise_file_limit()
    print(f"seed {SEED} (replay: SHOAL_SEED={SEED})", flush=True)
    if why := why_no_poller():
        print(f"SKIP: {POLLER}: {why}")
        return
    unittest.main(verbosity=2)
