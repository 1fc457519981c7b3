# SPDX-License-Identifier: Apache-2.0
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import headers
import includes
from tree import Tree


def directions(files):
    return [f"{finding.path}: {finding.what}" for finding in includes.check_directions(Tree(files))]


class Directions(unittest.TestCase):
    FILES = {"buffers/a.hpp": "", "core/b.hpp": "", "net/c.hpp": "", "net/config/d.hpp": "", "apps/echo/e.hpp": "",
             "apps/proxy/f.hpp": "", "net/shoal.hpp": "", "tests/seed.hpp": ""}

    def check(self, path, line):
        return directions({**self.FILES, path: line + "\n"})

    def test_down_is_allowed(self):
        self.assertEqual(self.check("core/x.cpp", "#include <shoal/buffers/a.hpp>"), [])
        self.assertEqual(self.check("net/x.cpp", "#include <shoal/core/b.hpp>"), [])
        self.assertEqual(self.check("apps/echo/x.cpp", "#include <shoal/shoal.hpp>"), [])
        self.assertEqual(self.check("apps/echo/x.cpp", '#include "echo/e.hpp"'), [])
        self.assertEqual(self.check("tests/net/x.cpp", '#include "proxy/f.hpp"'), [])

    def test_up_is_not(self):
        for path, name, what in (
                ("buffers/x.cpp", "<shoal/core/b.hpp>", "buffers includes core"),
                ("core/x.cpp", "<shoal/net/c.hpp>", "core includes net"),
                ("core/x.cpp", "<shoal/shoal.hpp>", "core includes net"),
                ("net/x.cpp", '"echo/e.hpp"', "net includes apps"),
                ("apps/echo/x.cpp", "<tests/seed.hpp>", "apps includes tests")):
            self.assertEqual(self.check(path, f"#include {name}"), [f"{path}: {what}"])

    def test_one_app_never_includes_another(self):
        self.assertEqual(self.check("apps/echo/x.cpp", '#include "proxy/f.hpp"'),
                         ["apps/echo/x.cpp: proxy/f.hpp: one app includes another"])

    def test_net_does_not_need_config(self):
        self.assertEqual(self.check("net/x.cpp", "#include <shoal/net/config/d.hpp>"),
                         ["net/x.cpp: shoal::net includes shoal::config"])
        self.assertEqual(self.check("net/config/x.cpp", "#include <shoal/net/config/d.hpp>"), [])

    def test_library_headers_are_included_by_their_full_name(self):
        self.assertEqual(self.check("net/x.cpp", '#include "c.hpp"'), ['net/x.cpp: "c.hpp"'])

    def test_a_name_that_does_not_exist(self):
        self.assertEqual(self.check("net/x.cpp", "#include <shoal/core/gone.hpp>"),
                         ["net/x.cpp: shoal/core/gone.hpp does not exist"])

    def test_headers_hide_what_users_need_not_have(self):
        self.assertEqual(len(self.check("core/x.hpp", "#include <fmt/format.h>")), 1)
        self.assertEqual(len(self.check("net/x.hpp", "#include <hwloc.h>")), 1)
        self.assertEqual(self.check("core/x.cpp", "#include <fmt/format.h>"), [])

    def test_a_comment_or_string_is_no_include(self):
        text = "// #include <shoal/net/c.hpp>\n/*\n#include <shoal/net/c.hpp>\n*/"
        self.assertEqual(self.check("core/x.cpp", text), [])


class Cycles(unittest.TestCase):
    def test_a_cycle_is_named(self):
        tree = Tree({"core/a.hpp": "#include <shoal/core/b.hpp>\n", "core/b.hpp": "#include <shoal/core/c.hpp>\n",
                     "core/c.hpp": "\n#include <shoal/core/a.hpp>\n"})
        found = includes.check_cycles(tree)
        self.assertEqual([(finding.path, finding.line, finding.what) for finding in found],
                         [("core/c.hpp", 2, "core/a.hpp -> core/b.hpp -> core/c.hpp -> core/a.hpp")])

    def test_a_diamond_is_none(self):
        tree = Tree({"core/a.hpp": "#include <shoal/core/b.hpp>\n#include <shoal/core/c.hpp>\n",
                     "core/b.hpp": "#include <shoal/core/d.hpp>\n", "core/c.hpp": "#include <shoal/core/d.hpp>\n",
                     "core/d.hpp": ""})
        self.assertEqual(includes.check_cycles(tree), [])


class OwnHeaderFirst(unittest.TestCase):
    def check(self, text, path="core/x.cpp"):
        files = {"core/x.hpp": "", "core/y.hpp": "", "apps/echo/x.hpp": "", path: text}
        return len(includes.check_own_header_first(Tree(files)))

    def test_first(self):
        self.assertEqual(self.check("// what\n#include <shoal/core/x.hpp>\n#include <vector>\n"), 0)
        self.assertEqual(self.check('#include "echo/x.hpp"\n', "apps/echo/x.cpp"), 0)

    def test_not_first_or_missing(self):
        self.assertEqual(self.check("#include <vector>\n#include <shoal/core/x.hpp>\n"), 1)
        self.assertEqual(self.check("int x;\n"), 1)

    def test_a_source_without_a_header(self):
        self.assertEqual(self.check("#include <vector>\n", "core/main.cpp"), 0)


class SelfContained(unittest.TestCase):
    def test_the_include_line_of_each_kind(self):
        self.assertEqual(headers.include_line("core/host/host.hpp"), "#include <shoal/core/host/host.hpp>\n")
        self.assertEqual(headers.include_line("apps/proxy/relay.hpp"), '#include "proxy/relay.hpp"\n')
        self.assertEqual(headers.include_line("tests/seed.hpp"), "#include <tests/seed.hpp>\n")

    def test_a_change_anywhere_below_compiles_again(self):
        files = {"core/a.hpp": "#include <shoal/core/b.hpp>\n", "core/b.hpp": "1", "core/c.hpp": "1"}
        before = self.prints(files)
        below = self.prints({**files, "core/b.hpp": "2"})
        beside = self.prints({**files, "core/c.hpp": "2"})
        self.assertNotEqual(before, below)
        self.assertEqual(before, beside)

    @staticmethod
    def prints(files):
        tree = Tree(files)
        return headers.fingerprint(tree, includes.graph(tree), "core/a.hpp", ["g++"])

    def test_a_header_that_leans_on_others_is_caught(self):
        compiler = shutil.which("c++")
        if not compiler:
            self.skipTest("no compiler called c++")
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "core").mkdir()
            (root / "include").mkdir()
            (root / "include/shoal").symlink_to(root)
            (root / "core/good.hpp").write_text("#pragma once\n#include <string>\ninline std::string a;\n")
            (root / "core/bad.hpp").write_text("#pragma once\ninline std::string b;\n")
            command = [sys.executable, headers.__file__, "--root", folder, "--compiler", compiler, "--cache",
                       str(root / "cache"), "--", f"-I{folder}/include"]
            first = subprocess.run(command, capture_output=True, text=True, check=False)
            again = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertEqual(first.returncode, 1)
        self.assertIn("core/bad.hpp:1: self-contained: does not compile alone", first.stdout)
        self.assertNotIn("core/good.hpp", first.stdout)
        self.assertIn("2 headers, 2 compiled, 1 bad", first.stdout)
        self.assertIn("2 headers, 1 compiled, 1 bad", again.stdout)


if __name__ == "__main__":
    unittest.main()
