# SPDX-License-Identifier: Apache-2.0
"""The jobs, who takes part, and what is to be reached."""

import dataclasses

KIB = 1024
BETTER_PEER = "better peer"
# How far raw / reference may lie from the published table before a run does not count: a slow raw program or a badly
# set up peer would flatter us.
TABLE_TOLERANCE = 0.15
# A program against itself must read this, or the machine is too noisy to compare anything.
CONTROL_BAND = (0.95, 1.05)
# Ends the name of a program that runs a second time as its own control.
AGAIN = " again"
ENOUGH_ROUNDS = 7
ENOUGH_SECONDS = 3.0


@dataclasses.dataclass(frozen=True)
class Target:
    """metric(subject) / metric(against) <= limit now, and <= final in the end. No limit: only the end has a figure."""

    metric: str
    subject: str
    against: str
    limit: float | None
    final: float


@dataclasses.dataclass(frozen=True)
class Check:
    """The plausibility of a run: cpu(raw) / cpu(reference) as published in docs/comparison.md."""

    raw: str
    reference: str
    expected: float


@dataclasses.dataclass(frozen=True)
class Job:
    name: str
    what: str
    connections: int
    size: int
    buffer: int        # bytes of buffer that the raw programs and the endpoint use
    programs: tuple    # names of programs.py; in every round they run in this order
    targets: tuple
    check: Check | None
    peers: tuple = ()
    proxied: bool = False
    system_calls: tuple = ()  # (program, most system calls per request)
    optional: bool = False    # runs only when it is named

    @property
    def raw(self):
        return "raw-epoll-relay" if self.proxied else "raw-epoll"


EPOLL_AGAINST_URING = Check("raw-epoll", "raw-uring", 3.9 / 4.2)
BOTH_POLLERS = ("shoal-echo", "raw-epoll", "shoal-echo-uring", "raw-uring")
PEERS = ("haproxy", "nginx")

JOBS = (
    Job("echo", "TCP echo, 1 KiB", 64, KIB, 16 * KIB,
        programs=("shoal-echo", "raw-epoll", "raw-uring"),
        targets=(Target("cpu", "shoal-echo", "raw-epoll", 1.25, 1.10),
                 Target("p99.9", "shoal-echo", "raw-epoll", None, 1.5)),
        check=EPOLL_AGAINST_URING),
    Job("proxy-1k", "TCP proxy, 1 KiB echo behind it", 64, KIB, 16 * KIB,
        programs=("shoal-proxy", *PEERS, "raw-epoll-relay"), peers=PEERS, proxied=True,
        targets=(Target("cpu", "shoal-proxy", BETTER_PEER, 1.0, 0.92),
                 Target("cpu", "shoal-proxy", "raw-epoll-relay", None, 1.06)),
        check=Check("raw-epoll-relay", BETTER_PEER, 8.0 / 10.1)),
    Job("proxy-256k", "TCP proxy, 256 KiB echo behind it", 16, 256 * KIB, 1024 * KIB,
        programs=("shoal-proxy", *PEERS, "raw-epoll-relay"), peers=PEERS, proxied=True,
        targets=(Target("cpu", "shoal-proxy", BETTER_PEER, 0.5, 0.42),
                 Target("cpu", "shoal-proxy", "raw-epoll-relay", None, 1.1)),
        check=Check("raw-epoll-relay", BETTER_PEER, 103 / 268)),
    Job("echo-styles", "TCP echo, 1 KiB, in three styles of code", 64, KIB, 16 * KIB,
        programs=("echo-plain", "echo-message", "echo-session", "raw-epoll"), optional=True,
        targets=(Target("cpu", "echo-plain", "raw-epoll", 1.15, 1.10),
                 Target("cpu", "echo-message", "echo-plain", 1.10, 1.10),
                 Target("cpu", "echo-session", "echo-plain", 1.10, 1.10)),
        check=None),
    Job("pollers-1k", "TCP echo, 1 KiB, both pollers", 64, KIB, 16 * KIB,
        programs=BOTH_POLLERS, optional=True,
        targets=(Target("cpu", "shoal-echo", "raw-epoll", 1.10, 1.10),
                 Target("cpu", "shoal-echo-uring", "raw-uring", 1.10, 1.10)),
        check=EPOLL_AGAINST_URING, system_calls=(("shoal-echo-uring", 0.3),)),
    Job("pollers-256k", "TCP echo, 256 KiB, both pollers", 16, 256 * KIB, 1024 * KIB,
        programs=BOTH_POLLERS, optional=True,
        targets=(Target("cpu", "shoal-echo", "raw-epoll", 1.10, 1.10),
                 Target("cpu", "shoal-echo-uring", "raw-uring", 1.10, 1.10)),
        check=None),
)


def named(name):
    return next((job for job in JOBS if job.name == name), None)


def control_of(job, program):
    """The same job with one program against itself."""
    return dataclasses.replace(job, programs=(program, program + AGAIN), peers=(), targets=(), check=None,
                               system_calls=())
