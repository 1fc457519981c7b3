# SPDX-License-Identifier: Apache-2.0
import unittest

import contract
from tree import Tree

TESTS = "BOOST_AUTO_TEST_CASE(it_holds) {}\nSHOAL_WIRE_TEST(it_holds_twice) {}\n"


def found(rows):
    page = f"# Rules\n\n| rule | test |\n|---|---|\n{rows}\n"
    tree = Tree({"docs/contract.md": page, "tests/net/a_test.cpp": TESTS,
                 "net/a.cpp": "BOOST_AUTO_TEST_CASE(elsewhere_named)"})
    return [finding.what for finding in contract.check(tree)]


class NamedTests(unittest.TestCase):
    def test_that_exist_are_no_finding(self):
        self.assertEqual(found("| A rule of `some_function` | `it_holds` `it_holds_twice` |"), [])

    def test_that_do_not_exist_are_each_a_finding(self):
        self.assertEqual(found("| A rule | `it_holds` `it_went` |\n| Another | `elsewhere_named` |"),
                         ["no test is called it_went", "no test is called elsewhere_named"])


if __name__ == "__main__":
    unittest.main()
