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
    measured_cpu: float  # seconds of server, endpoint and generator together
    softirq_cpu: float   # seconds of the kernel's threads that carry packets between these three
    core_busy: float     # share of the server's core that was not idle
    cores_busy: float    # sum of the shares over all cores that take part
    machine_busy: float  # sum of the shares over all cores of the machine
    stolen: float        # largest share of a taking-part core that the hypervisor gave to others
    latency: dict        # p50, p99, p99.9, max in microseconds; None where samples were too few
    errors: dict         # what -> how often

    @property
    def saturated(self):
        return self.core_busy >= SATURATED

    @property
    def foreign(self):
        """Cores' worth of time that was used on the measuring cores by none of the three programs, nor by ksoftirqd,
        which carries their packets when there are many. Other work that the kernel does for them shows here too."""
        return max(0.0, self.cores_busy - (self.measured_cpu + self.softirq_cpu) / self.seconds)

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
        measured_cpu=sum(cpu) + load["own_cpu_seconds"],
        softirq_cpu=load["softirq_cpu_seconds"],
        core_busy=busy[server_core],
        cores_busy=sum(busy[core] for core in cores),
        machine_busy=sum(busy),
        stolen=max(load["cpu_stolen"][core] for core in cores),
        latency=load["latency_us"],
        errors=load["errors"],
    )
