# SPDX-License-Identifier: Apache-2.0
"""shoal-bench against servers that answer, stall, lie, hang up or are not there."""

import json
import os
import socket
import subprocess
import threading
import time
import unittest

BENCH = os.path.join(os.environ["SHOAL_BIN"], "shoal-bench")
SIZE = 64
KEYS = ["verdict", "reasons", "throughput_per_s", "requests", "errors", "latency_us", "service_latency_us", "cores",
        "matrix", "manifest"]


class Server:
    """Answers each frame with answer(frame), None hangs up; before that it calls pause(seconds since the start)."""

    def __init__(self, answer=lambda frame: frame, pause=lambda since: None):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.target = "tcp://127.0.0.1:%d" % self.listener.getsockname()[1]
        self.answer, self.pause, self.first = answer, pause, None
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        with client:
            try:
                while len(frame := client.recv(SIZE, socket.MSG_WAITALL)) == SIZE:
                    self.first = self.first or time.monotonic()
                    self.pause(time.monotonic() - self.first)
                    reply = self.answer(frame)
                    if reply is None:
                        return
                    client.sendall(reply)
            except OSError:
                return  # the client has gone


def bench(*arguments):
    """(exit status, the JSON, the text)"""
    done = subprocess.run([BENCH, *arguments, "--size", str(SIZE), "--json", "-"], capture_output=True, text=True,
                          timeout=60, check=False)
    return done.returncode, json.loads(done.stdout), done.stderr


class Bench(unittest.TestCase):
    def test_a_count_is_exact_and_the_json_has_its_keys(self):
        status, got, text = bench(Server().target, "-c", "3", "-n", "1001", "-t", "2", "--warmup", "0s")
        self.assertIn(status, (0, 4), text)
        self.assertEqual(list(got), KEYS)
        self.assertEqual(got["requests"], 1001)
        self.assertEqual(sum(core["requests"] for core in got["cores"]), 1001)
        self.assertEqual(sum(got["errors"].values()), 0)
        self.assertIsNone(got["latency_us"]["p999"])  # 1001 samples are too few
        self.assertGreater(got["latency_us"]["p99"], 0)
        self.assertEqual(status == 4, got["verdict"] == "invalid")
        self.assertEqual("requests/s: 1001" in text, got["verdict"] != "invalid")

    def test_a_stall_is_seen_from_the_intended_start(self):
        def stall(since):  # 1 s in 5: a fifth of the requests waits, from 0 to 1 s alike
            if 2 <= since < 3:
                time.sleep(3 - since)
        server = Server(pause=stall)
        _, got, text = bench(server.target, "-c", "4", "-d", "5s", "-R", "400", "--warmup", "0s", "-t", "1")
        self.assertEqual(got["requests"], 2000, text)
        self.assertAlmostEqual(got["latency_us"]["p90"], 500e3, delta=50e3)
        self.assertAlmostEqual(got["latency_us"]["max"], 1000e3, delta=100e3)
        # From the send, four requests stalled and the rest did not.
        self.assertLess(got["service_latency_us"]["p90"], 100e3)

    def test_wrong_answers_are_mismatches_and_no_throughput(self):
        status, got, _ = bench(Server(answer=lambda frame: b"x" * SIZE).target, "-c", "2", "-n", "20", "--warmup", "0s")
        self.assertEqual((status, got["requests"], got["throughput_per_s"]), (1, 0, 0))
        self.assertEqual(got["errors"]["mismatch"], 20)

    def test_connections_that_end_are_resets_and_make_it_suspect(self):
        _, got, _ = bench(Server(answer=lambda frame: None).target, "-c", "2", "-n", "20", "--warmup", "0s")
        self.assertEqual(got["errors"]["reset"], 20)
        self.assertIn("20 connections were lost", got["reasons"])
        self.assertNotEqual(got["verdict"], "valid")

    def test_answers_that_never_come_are_timeouts_and_stay_in_the_latency(self):
        server = Server(pause=lambda since: time.sleep(30))
        _, got, _ = bench(server.target, "-c", "1", "-R", "10", "-d", "2s", "--timeout", "200ms", "--warmup", "0s")
        self.assertEqual(got["errors"]["timeout"], 20)
        self.assertGreaterEqual(got["latency_us"]["p50"], 200e3)

    def test_nobody_there_ends_by_itself(self):
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            target = "tcp://127.0.0.1:%d" % unused.getsockname()[1]
            status, got, _ = bench(target, "-c", "1", "-n", "10", "--timeout", "300ms", "--warmup", "0s")
        self.assertEqual((status, got["requests"]), (1, 0))
        self.assertGreaterEqual(got["errors"]["connect"], 2)

    def test_bad_usage_is_status_2(self):
        for bad in (["http://127.0.0.1:1"], [], ["tcp://127.0.0.1:1", "-n", "5", "-d", "1s"],
                    ["tcp://127.0.0.1:1", "--arrival", "poisson"], ["tcp://127.0.0.1:1", "--size", "15"]):
            done = subprocess.run([BENCH, *bad], capture_output=True, timeout=60, check=False)
            self.assertEqual(done.returncode, 2, bad)


if __name__ == "__main__":
    unittest.main(verbosity=2)
