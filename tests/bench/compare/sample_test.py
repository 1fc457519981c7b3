# SPDX-License-Identifier: Apache-2.0
import unittest

from made_up import sample
from sample import sample_of


class SampleTest(unittest.TestCase):
    def test_costs_are_per_request(self):
        one = sample(cpu_us=4.0, requests=200_000)
        self.assertAlmostEqual(one.metric("cpu"), 4.0)
        self.assertAlmostEqual(one.metric("machine"), 9.5)  # 1.9 cores for one second over 200,000

    def test_throughput_and_tails_need_a_busy_core(self):
        idle = sample(busy=0.94)
        for metric in ("rate", "p50", "p99", "p99.9"):
            self.assertIsNone(idle.metric(metric), metric)
        self.assertIsNotNone(idle.metric("cpu"))
        busy = sample(busy=0.95, requests=100_000)
        self.assertEqual(busy.metric("rate"), 100_000)
        self.assertEqual(busy.metric("p99.9"), 900.0)

    def test_a_wrong_answer_voids_the_round(self):
        wrong = sample(errors={"wrong bytes": 1})
        for metric in ("cpu", "machine", "rate", "p99"):
            self.assertIsNone(wrong.metric(metric), metric)

    def test_others_on_the_cores_make_a_round_disturbed(self):
        self.assertTrue(sample(foreign=0.04).quiet)
        self.assertFalse(sample(foreign=0.06).quiet)
        self.assertFalse(sample(stolen=0.06).quiet)


class LoadOutputTest(unittest.TestCase):
    LOAD = {"requests": 1000, "seconds": 2.0, "latency_us": {"p50": 1, "p99": 2, "p99.9": None, "max": 3},
            "errors": {}, "watched_cpu_seconds": [0.25, 1.5, 0.5], "own_cpu_seconds": 1.0,
            "others_cpu_seconds": [0.03, 0.4, 0.01],
            "cpu_busy": [0.9, 0.1, 0.8], "cpu_stolen": [0.0, 0.2, 0.01]}

    def test_the_servers_processes_come_first_and_the_endpoint_is_not_theirs(self):
        one = sample_of(self.LOAD, server_pids=2, cores={0, 2}, server_core=0)
        self.assertEqual(one.server_cpu, 1.75)
        self.assertEqual(one.core_busy, 0.9)
        self.assertAlmostEqual(one.metric("machine"), 1.8 * 2.0 / 1000 * 1e6)  # all three cores
        self.assertAlmostEqual(one.foreign, 0.04 / 2)  # but only the two that take part
        self.assertEqual(one.stolen, 0.01)


if __name__ == "__main__":
    unittest.main()
