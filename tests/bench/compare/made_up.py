# SPDX-License-Identifier: Apache-2.0
"""Samples and rounds that no machine has measured."""

from sample import Sample


def sample(cpu_us=4.0, requests=100_000, busy=0.99, foreign=0.0, p999=900.0, stolen=0.0, errors=None):
    """One second of a server that needs cpu_us per request; others take `foreign` of a core besides."""
    server = cpu_us * requests / 1e6
    return Sample(requests=requests, seconds=1.0, server_cpu=server, others_cpu=foreign, core_busy=busy,
                  machine_busy=1.9 + foreign, stolen=stolen,
                  latency={"p50": 400.0, "p99": 500.0, "p99.9": p999, "max": 2000.0}, errors=errors or {})


def rounds(count=7, **programs):
    """`count` equal rounds; a keyword `shoal_echo=4.2` is the program shoal-echo at 4.2 us, or give a Sample."""
    def one(value):
        return value if isinstance(value, Sample) else sample(value)
    return [{name.replace("_", "-"): one(value) for name, value in programs.items()} for _ in range(count)]
