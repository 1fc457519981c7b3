# SPDX-License-Identifier: Apache-2.0
"""Children that are pinned, waited for, and gone at the end, whichever way the end comes."""

import contextlib
import ctypes
import os
import pathlib
import signal
import socket
import subprocess
import time

PR_SET_PDEATHSIG = 1
START_LIMIT = 10.0  # seconds a server may take until it answers
STOP_LIMIT = 3.0    # seconds it may take to stop before it is asked again, and then killed

INTERRUPTS = {signal.SIGINT, signal.SIGTERM}

libc = ctypes.CDLL(None, use_errno=True)


class MeasurementError(Exception):
    """Something could not be started or measured; the text says what, and what the program wrote."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def child(command, cpu=None, **options):
    """A process that ends with the block, or with this program if that is killed."""
    def prepare():
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, INTERRUPTS)
        if cpu is not None:
            os.sched_setaffinity(0, {cpu})

    process = None
    # An interrupt between fork and assignment would leave a process that nobody knows.
    signal.pthread_sigmask(signal.SIG_BLOCK, INTERRUPTS)
    try:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=prepare,
                                   **options)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, INTERRUPTS)
        yield process
    finally:
        if process:
            stop(process)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, INTERRUPTS)


@contextlib.contextmanager
def running(name, command, cpu, directory):
    """A server on one CPU; what it prints goes to a file in `directory`."""
    log = pathlib.Path(directory) / f"{name}.out"
    with (open(log, "wb") as output,
          child(command, cpu, stdout=output, stderr=subprocess.STDOUT, cwd=directory) as server):
        server.name, server.log = name, log
        yield server


def stop(process):
    """Asks, asks again (some servers take the first as a wish to drain), kills; and its workers with it."""
    for how in (signal.SIGTERM, signal.SIGTERM, signal.SIGKILL):
        if process.poll() is None:
            process.send_signal(how)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_LIMIT)
            break
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def said(server):
    lines = server.log.read_text(errors="replace").strip().splitlines()[-5:]
    return "".join(f"\n    {line}" for line in lines)


def await_echo(server, port):
    """Waits until a byte sent to the port comes back: then every process between here and the echo is up."""
    deadline = time.monotonic() + START_LIMIT
    while True:
        with contextlib.suppress(OSError):
            with socket.create_connection(("127.0.0.1", port), timeout=1) as probe:
                probe.sendall(b"?")
                if probe.recv(1) == b"?":
                    return
        if server.poll() is not None:
            raise MeasurementError(f"{server.name} ended with status {server.returncode}{said(server)}")
        if time.monotonic() > deadline:
            raise MeasurementError(f"{server.name} did not answer within {START_LIMIT:g} s{said(server)}")
        time.sleep(0.01)


def family(pid):
    """The process and all its descendants."""
    parents = {}
    for status in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # "pid (name) state parent ...", and the name may contain anything
            parents[int(status.parent.name)] = int(status.read_text().rpartition(")")[2].split()[1])
    found = [pid]
    for parent in found:
        found += [child for child, its_parent in parents.items() if its_parent == parent]
    return found
