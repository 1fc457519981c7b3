# SPDX-License-Identifier: Apache-2.0
"""What one program did in one round."""

import dataclasses

# Below this share the server waited for its clients: throughput and tails would measure the generator.
SATURATED = 0.95
# More than this share of a measuring core used by anybody else makes a round disturbed.
FOREIGN = 0.05


@dataclasses.dataclass(frozen=True)
class Sample:
    requests: int
    seconds: float
    server_cpu: float    # seconds of the server's processes
    others_cpu: float    # seconds of everybody else on the cores that take part
    core_busy: float     # share of the server's core that was not idle
    machine_busy: float  # sum of the shares over all cores of the machine
    stolen: float        # largest share of a taking-part core that the hypervisor gave to others
    latency: dict        # p50, p99, p99.9, max in microseconds; None where samples were too few
    errors: dict         # what -> how often

    @property
    def saturated(self):
        return self.core_busy >= SATURATED

    @property
    def foreign(self):
        """Cores' worth of time that other processes and threads of the kernel used on the measuring cores. Interrupts
        and ksoftirqd are not among them: they carry the packets of what is measured."""
        return self.others_cpu / self.seconds

    @property
    def quiet(self):
        return self.foreign <= FOREIGN and self.stolen <= FOREIGN

    def metric(self, name):
        """The value of a metric, or None if this round cannot tell it."""
        if not self.requests or self.errors:
            return None
        if name == "cpu":
            return self.server_cpu / self.requests * 1e6
        if name == "machine":
            return self.machine_busy * self.seconds / self.requests * 1e6
        if name == "busy":
            return self.core_busy
        if not self.saturated:
            return None
        return self.requests / self.seconds if name == "rate" else self.latency[name]

    def as_json(self):
        return dataclasses.asdict(self) | {"foreign": self.foreign, "quiet": self.quiet, "saturated": self.saturated}


def sample_of(load, server_pids, cores, server_core):
    """From what bench_load printed; it watched the server's processes first, then the endpoint's."""
    busy, cpu = load["cpu_busy"], load["watched_cpu_seconds"]
    return Sample(
        requests=load["requests"],
        seconds=load["seconds"],
        server_cpu=sum(cpu[:server_pids]),
        others_cpu=sum(load["others_cpu_seconds"][core] for core in cores),
        core_busy=busy[server_core],
        machine_busy=sum(busy),
        stolen=max(load["cpu_stolen"][core] for core in cores),
        latency=load["latency_us"],
        errors=load["errors"],
    )
