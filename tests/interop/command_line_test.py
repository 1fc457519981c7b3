# SPDX-License-Identifier: Apache-2.0
"""What shoal-proxy answers without starting, and with which exit status. The errors themselves are tested in
tests/config; here the real program reports them."""

import json
import re
import subprocess

from rig import BIN, Case, builtin_echo, config, main

BAD = """\
listenrs: []
listeners:
  - name: front
    bind: "127.0.0.1"
    upstrem: back
runtime: { nbthread: 4, shards: many }
upstreams:
  - { name: back, endpoints: [ "127.0.0.1:1" ], timeouts: { connect: 5 parsecs } }
"""
# Where each of its mistakes stands, and a word of what should be said.
MISTAKES = ((1, "listenrs"), (4, "bind"), (5, "upstrem"), (6, "nbthread"), (6, "shards"), (8, "connect"))


class CommandLine(Case):
    def run_proxy(self, *arguments):
        return subprocess.run([BIN / "shoal-proxy", *map(str, arguments)], capture_output=True, text=True, timeout=60,
                              check=False, cwd=self.folder)

    def good(self):
        return self.file("good.yaml", config([1]))

    def bad(self):
        return self.file("bad.yaml", BAD)

    def test_check_of_a_good_file(self):
        for option in ("-t", "--check"):
            done = self.run_proxy("-c", self.good(), option)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "ok: 1 listener, 1 upstream\n", ""))

    def test_a_bad_file_says_all_at_once(self):
        for more in ((), ("-t",), ("--print-config",)):
            done = self.run_proxy("-c", self.bad(), *more)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertNotIn("ready in", done.stdout)
            for line, word in MISTAKES:
                self.assertRegex(done.stderr, rf"(?m)^\S*bad\.yaml:{line}:\d+: .*{word}")
            self.assertIn("runtime.shards", re.search(r".*nbthread.*", done.stderr)[0])

    def test_check_as_json(self):
        done = self.run_proxy("-c", self.bad(), "--check", "--format", "json")
        self.assertEqual(done.returncode, 2)
        said = json.dumps(json.loads(done.stdout))
        for _, word in MISTAKES:
            self.assertIn(word, said)
        done = self.run_proxy("-c", self.good(), "--check", "--format", "json")
        self.assertEqual(done.returncode, 0)
        json.loads(done.stdout)

    def test_a_missing_file(self):
        done = self.run_proxy("-c", "nowhere.yaml")
        self.assertEqual(done.returncode, 2)
        self.assertIn("nowhere.yaml", done.stderr)

    def test_print_config_can_be_used_again(self):
        first = self.run_proxy("-c", self.good(), "--print-config")
        self.assertEqual(first.returncode, 0, first.stderr)
        self.assertRegex(first.stdout, r"drain_timeout: 30s")
        second = self.run_proxy("-c", self.file("printed.yaml", first.stdout), "--print-config")
        self.assertEqual((second.returncode, second.stderr), (0, ""))
        self.assertEqual(second.stdout, first.stdout)

    def test_print_schema(self):
        done = self.run_proxy("--print-schema")
        self.assertEqual(done.returncode, 0)
        self.assertIn("listeners", json.loads(done.stdout)["properties"])

    def test_check_binds_nothing(self):
        proxy = self.start_proxy(builtin_echo())
        taken = self.file("taken.yaml", builtin_echo().replace("127.0.0.1:0", f"127.0.0.1:{proxy.port}"))
        self.assertEqual(self.run_proxy("-c", taken, "--check").returncode, 0)
        self.stop_cleanly(proxy)

    def test_version_and_help(self):
        for program in ("shoal-proxy", "shoal-echo"):
            with self.subTest(program=program):
                version = subprocess.run([BIN / program, "--version"], capture_output=True, text=True, check=False)
                self.assertEqual(version.returncode, 0)
                self.assertRegex(version.stdout, rf"^{program} \d+\.\d+\.\d+ \(.+\)\n$")
                asked = subprocess.run([BIN / program, "--help"], capture_output=True, text=True, check=False)
                self.assertEqual(asked.returncode, 0)
                self.assertIn("--version", asked.stdout)

    def test_wrong_usage(self):
        for wrong in ((), ("--frobnicate",), ("-c",), ("-c", self.good(), "--format", "xml", "-t"), ("one", "two")):
            with self.subTest(arguments=wrong):
                done = self.run_proxy(*wrong)
                self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
                self.assertNotEqual(done.stderr, "")
        done = subprocess.run([BIN / "shoal-echo", "--frobnicate"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 2)

    def test_echo_on_a_taken_address(self):
        proxy = self.start_proxy(builtin_echo())
        done = subprocess.run([BIN / "shoal-echo", "--listen", f"127.0.0.1:{proxy.port}"], capture_output=True,
                              text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"127.0.0.1:{proxy.port}", done.stderr)
        self.stop_cleanly(proxy)


if __name__ == "__main__":
    main()
