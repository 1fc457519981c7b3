# SPDX-License-Identifier: Apache-2.0
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import summary  # noqa: E402

CTEST = ('<testsuite><testcase name="{name}" status="{status}">{inner}<system-out>{output}</system-out></testcase>'
         '</testsuite>')
BOOST = ('<testsuite><testcase classname="lane" name="a"/>'
         '<testcase classname="lane" name="b">{inner}</testcase></testsuite>')


class Summary(unittest.TestCase):
    def tally(self, output="", status="run", inner="", boost=None):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "ctest.xml").write_text(CTEST.format(name="test_x", status=status, inner=inner, output=output))
            if boost is not None:
                (folder / "test_x.xml").write_text(boost)
            return summary.summarize(folder)

    def check(self, tally, passed, failures, skips):
        self.assertEqual((tally.passed, tally.failures, tally.skips), (passed, failures, skips))

    def test_boost_cases_count_one_by_one(self):
        self.check(self.tally(boost=BOOST.format(inner="")), 2, [], [])
        self.check(self.tally(status="fail", boost=BOOST.format(inner="<failure/>")), 1, ["test_x/lane/b"], [])

    def test_a_printed_skip_is_no_pass(self):
        self.check(self.tally("SKIP: lane/b: no IPv6 here\n", boost=BOOST.format(inner="")), 1, [],
                   ["test_x/lane/b: no IPv6 here"])

    def test_a_crash_outside_the_cases_is_a_failure(self):
        tally = self.tally(status="fail", boost=BOOST.format(inner=""))
        self.assertEqual((tally.passed, len(tally.failures)), (2, 1))
        self.assertEqual(len(self.tally(status="fail").failures), 1)
        self.assertEqual(len(self.tally(boost="<testsuite><testca").failures), 1)

    def test_a_zero_byte_in_what_was_compared_is_no_failure(self):
        self.check(self.tally(boost=BOOST.format(inner="<system-out><![CDATA[a\0b]]></system-out>")), 2, [], [])

    def test_unittest_output(self):
        output = ("test_a (m.T.test_a) ... ok\ntest_b (m.T.test_b) ... skipped 'no tool'\n\n---\n"
                  "Ran 3 tests in 0.1s\n\nOK (skipped=1)\n")
        self.check(self.tally(output), 2, [], ["test_x/test_b: no tool"])
        output = "FAIL: test_a (m.T.test_a)\nRan 3 tests in 0.1s\n\nFAILED (failures=1)\n"
        self.check(self.tally(output, status="fail"), 2, ["test_x/test_a (m.T.test_a)"], [])

    def test_a_printed_count(self):
        self.check(self.tally("7 passed, 0 failed, 1 skipped\nSKIP: a: why\n"), 7, [], ["test_x/a: why"])
        self.assertEqual(len(self.tally("5 passed, 2 failed\n", status="fail").failures), 2)

    def test_a_plain_program_is_one_case(self):
        self.check(self.tally("hello\n"), 1, [], [])
        self.check(self.tally("SKIP: all: no docker\n"), 0, [], ["test_x/all: no docker"])

    def test_ctest_skips_and_missing_programs(self):
        skipped = '<skipped message="SKIP_RETURN_CODE=77"/>'
        self.check(self.tally("SKIP: all: no tool\n", "notrun", skipped), 0, [], ["test_x/all: no tool"])
        missing = self.tally("", "notrun", '<skipped message="Unable to find executable"/>')
        self.assertEqual(len(missing.failures), 1)


if __name__ == "__main__":
    unittest.main()
