# SPDX-License-Identifier: Apache-2.0
"""One measurement: start the endpoint and the server, load them, read the clocks, stop everything."""

import contextlib
import dataclasses
import json
import pathlib
import re
import signal
import subprocess
import tempfile
import time

from processes import STOP_LIMIT, MeasurementError, await_echo, child, family, free_port, running
from programs import Place
from sample import sample_of


@dataclasses.dataclass(frozen=True)
class Bench:
    """What stays the same for all measurements of a run."""

    load: str             # bench_load
    endpoint: str         # raw_epoll_echo
    server_cpu: int
    load_cpu: int         # the generator's and the endpoint's
    seconds: float
    warm_up: float = 0.3


@contextlib.contextmanager
def served(bench, job, program):
    """(port, server, endpoint or None) of a freshly started server that answers: a restart per round, so that no
    program keeps the luck of one start for a whole run."""
    with contextlib.ExitStack() as stack:
        directory = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="compare-")))
        endpoint, endpoint_port = None, 0
        if job.proxied:
            endpoint_port = free_port()
            command = [bench.endpoint, str(endpoint_port), str(bench.load_cpu), str(job.buffer)]
            endpoint = stack.enter_context(running("endpoint", command, bench.load_cpu, directory))
            await_echo(endpoint, endpoint_port)
        place = Place(free_port(), bench.server_cpu, job.buffer, endpoint_port, directory)
        server = stack.enter_context(running(program.name, program.command(place), bench.server_cpu, directory))
        await_echo(server, place.port)
        yield place.port, server, endpoint


def measure(bench, job, program):
    with served(bench, job, program) as (port, server, endpoint):
        server_pids = family(server.pid)
        watched = server_pids + (family(endpoint.pid) if endpoint else [])
        load = run_load(bench, job, port, bench.seconds, bench.warm_up, watched)
        return sample_of(load, len(server_pids), {bench.server_cpu, bench.load_cpu}, bench.server_cpu)


def run_load(bench, job, port, seconds, warm_up, watched=()):
    command = [bench.load, "--port", str(port), "--cpu", str(bench.load_cpu), "--connections", str(job.connections),
               "--size", str(job.size), "--seconds", str(seconds), "--warm-up", str(warm_up)]
    for pid in watched:
        command += ["--watch", str(pid)]
    limit = seconds + warm_up + 30
    with child(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as load:
        try:
            output, errors = load.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            raise MeasurementError(f"bench_load did not end within {limit:g} s") from None
    if not output.startswith("{"):
        raise MeasurementError(f"bench_load failed: {errors.strip()}")
    return json.loads(output)


def system_calls_per_request(bench, job, program, strace):
    """How many system calls the server makes per request while all connections are busy. strace slows the server
    down, so nothing but the count is taken from this run."""
    with served(bench, job, program) as (port, server, _):
        summary = server.log.with_name("strace.out")
        command = [strace, "-c", "-f", "-U", "calls,name", "-o", str(summary), "-p", str(server.pid)]
        with child(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as trace:
            if "attached" not in (first := trace.stderr.readline()):
                raise MeasurementError(f"strace could not attach to {program.name}: {first.strip()}")
            load = run_load(bench, job, port, 1.0, 0.0)
            trace.send_signal(signal.SIGINT)  # then it writes its summary
            trace.wait(STOP_LIMIT)
        total = re.search(r"^\s*(\d+) total$", summary.read_text(), re.MULTILINE)
        if not total or not load["requests"]:
            raise MeasurementError(f"strace counted nothing for {program.name}")
        return int(total[1]) / load["requests"]


def cool_down():
    """Closed connections are torn down by the kernel a little later; that is not the next program's work."""
    time.sleep(0.1)
