# SPDX-License-Identifier: Apache-2.0
import unittest

import jobs
from judge import FAILED, NOT_ENOUGH_EVIDENCE, OK, SLOWER, Outcome, judge, worst
from made_up import rounds, sample

ECHO = jobs.named("echo")
PROXY = jobs.named("proxy-1k")


def echo_rounds(shoal, **more):
    return rounds(shoal_echo=shoal, raw_epoll=sample(3.9), raw_uring=sample(4.2), **more)


def proxy_rounds(shoal, raw=8.0, haproxy=10.2, nginx=10.1, **more):
    return rounds(shoal_proxy=shoal, haproxy=haproxy, nginx=nginx, raw_epoll_relay=raw, **more)


class TargetTest(unittest.TestCase):
    def test_met_now_and_in_the_end(self):
        result = judge(ECHO, echo_rounds(4.2), seconds=3.0)
        self.assertEqual((result.verdicts[0].now, result.verdicts[0].final), (Outcome.MET, Outcome.MET))
        self.assertEqual(result.status(), OK)
        self.assertEqual(result.status(final=True), OK)

    def test_met_now_but_not_in_the_end(self):
        result = judge(ECHO, echo_rounds(4.6), seconds=3.0)
        self.assertEqual((result.verdicts[0].now, result.verdicts[0].final), (Outcome.MET, Outcome.MISSED))
        self.assertEqual(result.status(), OK)
        self.assertEqual(result.status(final=True), SLOWER)

    def test_missed(self):
        self.assertEqual(judge(ECHO, echo_rounds(5.0), seconds=3.0).status(), SLOWER)

    def test_the_median_decides_not_the_worst_round(self):
        measured = echo_rounds(4.2)
        for bad in measured[:3]:
            bad["shoal-echo"] = sample(9.0)
        self.assertEqual(judge(ECHO, measured, seconds=3.0).status(), OK)
        measured[3]["shoal-echo"] = sample(9.0)
        self.assertEqual(judge(ECHO, measured, seconds=3.0).status(), SLOWER)

    def test_a_tail_needs_a_busy_core_and_decides_nothing_yet(self):
        result = judge(ECHO, echo_rounds(sample(4.2, busy=0.9)), seconds=3.0)
        tail = result.verdicts[1]
        self.assertEqual((tail.now, tail.final), (None, Outcome.UNKNOWN))
        self.assertIn("not busy", tail.why)
        self.assertEqual(result.status(), OK)
        self.assertEqual(result.status(final=True), NOT_ENOUGH_EVIDENCE)


class BetterPeerTest(unittest.TestCase):
    def test_is_the_one_that_needs_less(self):
        result = judge(PROXY, proxy_rounds(10.05), seconds=3.0)
        self.assertEqual(result.better_peer, "nginx")
        self.assertEqual(result.verdicts[0].against, "nginx")
        self.assertEqual(result.status(), OK)
        result = judge(PROXY, proxy_rounds(10.05, haproxy=10.0), seconds=3.0)
        self.assertEqual(result.better_peer, "haproxy")
        self.assertEqual(result.status(), SLOWER)

    def test_without_peers_nothing_is_said(self):
        result = judge(PROXY, rounds(shoal_proxy=8.0, raw_epoll_relay=8.0), seconds=3.0)
        self.assertEqual(result.verdicts[0].now, Outcome.UNKNOWN)
        self.assertEqual(result.status(), NOT_ENOUGH_EVIDENCE)


class EvidenceTest(unittest.TestCase):
    def test_a_slow_raw_program_cannot_flatter_us(self):
        result = judge(PROXY, proxy_rounds(9.0, raw=9.5), seconds=3.0)
        self.assertFalse(result.check_fits)
        self.assertEqual(result.status(), NOT_ENOUGH_EVIDENCE)

    def test_nor_can_a_slow_peer(self):
        result = judge(PROXY, proxy_rounds(9.0, haproxy=13.0, nginx=13.0), seconds=3.0)
        self.assertFalse(result.check_fits)
        self.assertEqual(result.status(), NOT_ENOUGH_EVIDENCE)

    def test_quick_is_never_evidence(self):
        self.assertEqual(judge(ECHO, echo_rounds(4.0), seconds=3.0, quick=True).status(), NOT_ENOUGH_EVIDENCE)

    def test_few_or_short_rounds_are_none(self):
        self.assertEqual(judge(ECHO, echo_rounds(4.0, count=6), seconds=3.0).status(), NOT_ENOUGH_EVIDENCE)
        self.assertEqual(judge(ECHO, echo_rounds(4.0), seconds=2.9).status(), NOT_ENOUGH_EVIDENCE)

    def test_disturbed_rounds_do_not_count(self):
        disturbed = echo_rounds(sample(9.0, foreign=0.3), count=5)
        result = judge(ECHO, disturbed + echo_rounds(4.2), seconds=3.0)
        self.assertEqual(result.quiet, 7)
        self.assertAlmostEqual(result.verdicts[0].value.median, 4.2 / 3.9)
        self.assertEqual(result.status(), OK)
        result = judge(ECHO, disturbed + echo_rounds(4.2, count=6), seconds=3.0)
        self.assertEqual(result.status(), NOT_ENOUGH_EVIDENCE)

    def test_a_program_that_is_not_there_is_named(self):
        result = judge(ECHO, rounds(raw_epoll=3.9, raw_uring=4.2), seconds=3.0)
        self.assertEqual(result.verdicts[0].now, Outcome.UNKNOWN)
        self.assertIn("shoal-echo not measured", result.verdicts[0].why)
        self.assertEqual(result.status(), NOT_ENOUGH_EVIDENCE)

    def test_wrong_answers_are_a_failure_whatever_the_speed(self):
        measured = echo_rounds(4.0)
        measured[3]["shoal-echo"] = sample(4.0, errors={"wrong bytes": 1})
        result = judge(ECHO, measured, seconds=3.0)
        self.assertEqual(result.errors, ["shoal-echo: wrong bytes"])
        self.assertEqual(result.status(), FAILED)


class ControlTest(unittest.TestCase):
    CONTROL = jobs.control_of(ECHO, "raw-epoll")

    def status(self, again):
        measured = [{"raw-epoll": sample(4.0), "raw-epoll again": sample(again)} for _ in range(7)]
        return judge(self.CONTROL, measured, seconds=3.0).status()

    def test_a_program_against_itself_reads_one(self):
        self.assertEqual(self.status(4.0), OK)
        self.assertEqual(self.status(4.19), OK)
        self.assertEqual(self.status(4.3), NOT_ENOUGH_EVIDENCE)
        self.assertEqual(self.status(3.7), NOT_ENOUGH_EVIDENCE)


class SystemCallTest(unittest.TestCase):
    def test_are_limited_where_the_job_says_so(self):
        job = jobs.named("pollers-1k")
        measured = [samples | {"shoal-echo-uring": sample(4.2)} for samples in echo_rounds(4.0)]
        self.assertEqual(judge(job, measured, 3.0, system_calls={"shoal-echo-uring": 0.3}).status(), OK)
        self.assertEqual(judge(job, measured, 3.0, system_calls={"shoal-echo-uring": 0.4}).status(), SLOWER)
        self.assertEqual(judge(job, measured, 3.0).status(), NOT_ENOUGH_EVIDENCE)


class WorstTest(unittest.TestCase):
    def test_a_failure_outweighs_slowness_and_slowness_outweighs_doubt(self):
        self.assertEqual(worst([OK, NOT_ENOUGH_EVIDENCE, SLOWER, FAILED]), FAILED)
        self.assertEqual(worst([OK, NOT_ENOUGH_EVIDENCE, SLOWER]), SLOWER)
        self.assertEqual(worst([OK, NOT_ENOUGH_EVIDENCE]), NOT_ENOUGH_EVIDENCE)
        self.assertEqual(worst([OK, OK]), OK)


if __name__ == "__main__":
    unittest.main()
