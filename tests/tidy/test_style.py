# SPDX-License-Identifier: Apache-2.0
import unittest

import style
import tidy
from tree import Finding, Tree

SPDX = "// SPDX-License-Identifier: Apache-2.0\n"


def rules(check, files):
    return [f"{finding.path}:{finding.line}: {finding.rule}" for finding in check(Tree(files))]


class Names(unittest.TestCase):
    def test_top_level(self):
        self.assertEqual(rules(style.check_top_level, {"core/x.hpp": "", "LICENSE": "", ".ci/run": ""}), [])
        self.assertEqual(rules(style.check_top_level, {"src/x.hpp": ""}), ["src/x.hpp:1: top-level"])

    def test_vague_names(self):
        files = {"core/util/x.hpp": "", "net/common.hpp": "", "net/commonly.hpp": ""}
        self.assertEqual(rules(style.check_vague_names, files),
                         ["core/util/x.hpp:1: vague-name", "net/common.hpp:1: vague-name"])


class Lines(unittest.TestCase):
    def test_licence_line(self):
        hash_line = "# SPDX-License-Identifier: Apache-2.0\n"
        good = {"core/x.hpp": SPDX, "scripts/x": "#!/bin/bash\n" + hash_line, "core/CMakeLists.txt": hash_line,
                "README.md": "# x\n", "configs/x.yaml": "a: 1\n"}
        self.assertEqual(rules(style.check_licence_line, good), [])
        bad = {"core/x.hpp": "\n" + SPDX, "scripts/x": "#!/bin/bash\nset -e\n"}
        self.assertEqual(rules(style.check_licence_line, bad), ["core/x.hpp:1: spdx", "scripts/x:2: spdx"])

    def test_pragma_once(self):
        self.assertEqual(rules(style.check_header_form, {"core/x.hpp": "#pragma once\n", "core/x.cpp": ""}), [])
        self.assertEqual(rules(style.check_header_form, {"core/x.hpp": "// #pragma once\n"}),
                         ["core/x.hpp:1: pragma-once"])

    def test_using_namespace_in_a_header(self):
        text = "#pragma once\nusing namespace std;\n"
        self.assertEqual(rules(style.check_header_form, {"core/x.hpp": text, "core/x.cpp": text}),
                         ["core/x.hpp:2: using-namespace"])

    def test_line_length_counts_characters(self):
        self.assertEqual(rules(style.check_line_length, {"core/x.hpp": "é" * 120 + "\n", "README.md": "x" * 200}), [])
        self.assertEqual(rules(style.check_line_length, {"core/x.hpp": "\n" + "x" * 121}),
                         ["core/x.hpp:2: line-length"])

    def test_file_length(self):
        self.assertEqual(rules(style.check_file_length, {"core/x.hpp": "\n" * 600}), [])
        self.assertEqual(rules(style.check_file_length, {"core/x.hpp": "\n" * 601}), ["core/x.hpp:601: file-length"])
        self.assertEqual(len(style.notes_on_file_length(Tree({"core/x.hpp": "\n" * 401, "core/y.hpp": "\n" * 400}))), 1)

    def test_leftovers(self):
        bad = {"core/x.cpp": "int a;  // TODO: more\n#if 0\nint b;\n#endif\n", "README.md": "FIXME\n"}
        self.assertEqual(rules(style.check_leftovers, bad),
                         ["README.md:1: leftover", "core/x.cpp:1: leftover", "core/x.cpp:2: leftover"])
        good = {"core/x.cpp": 'auto s = "TODO";\n#if 0x10 > X\n#endif\n// TODOS\n'}
        self.assertEqual(rules(style.check_leftovers, good), [])


class Functions(unittest.TestCase):
    def names(self, text):
        return [name for name, _, _ in style.functions(Tree({"core/x.cpp": text}).files["core/x.cpp"].code)]

    def test_what_is_a_function(self):
        self.assertEqual(self.names("namespace a {\nint f(int x) { if (x) { return 1; } return 2; }\n}"), ["f"])
        self.assertEqual(self.names("auto c::g() const noexcept -> int { return 1; }"), ["g"])
        text = "struct s : base { s(int x) : a_{x}, b_(x), c_{} { f(); } ~s() {} int a_{1}; };"
        self.assertEqual(self.names(text), ["s", "s"])
        self.assertEqual(self.names("template <class T>\n  requires(sizeof(T) > 1)\nvoid f(T) {}"), ["f"])
        text = "struct alignas(64) s { bool operator()(int) const { return true; } };"
        self.assertEqual(self.names(text), ["operator"])
        self.assertEqual(self.names("BOOST_AUTO_TEST_CASE(name) { f(); }\nextern \"C\" { void g() {} }"),
                         ["BOOST_AUTO_TEST_CASE", "g"])

    def test_what_is_none(self):
        self.assertEqual(self.names("int a[] = {1, 2}; enum class e { x, y }; s t{1}; auto u = f({1});"), [])

    def test_length_is_from_head_to_brace(self):
        def body(lines):
            return {"core/x.cpp": "int before;\nint f()\n{\n" + "a();\n" * (lines - 3) + "}\n"}
        self.assertEqual(rules(style.check_function_length, body(60)), [])
        self.assertEqual(rules(style.check_function_length, body(61)), ["core/x.cpp:2: function-length"])

    def test_tests_may_be_longer(self):
        text = "void f() {\n" + "a();\n" * 90 + "}\n"
        self.assertEqual(rules(style.check_function_length, {"tests/core/x_test.cpp": text}), [])
        self.assertEqual(len(rules(style.check_function_length, {"core/x.cpp": text})), 1)


class Exceptions(unittest.TestCase):
    FINDING = Finding("core/host/x.cpp", 3, "rule", "what", "do")

    def test_a_named_file_or_folder_is_excused(self):
        self.assertEqual(tidy.excuse([self.FINDING], {"rule": {"core/host/x.cpp": "why"}}), [])
        self.assertEqual(tidy.excuse([self.FINDING], {"rule": {"core/host/": "why"}}), [])

    def test_others_are_not(self):
        allowed = {"rule": {"core/host/y.cpp": "why"}}
        left = tidy.excuse([self.FINDING], allowed)
        self.assertEqual([finding.rule for finding in left], ["rule", "exception"])

    def test_the_message(self):
        self.assertEqual(str(self.FINDING), "core/host/x.cpp:3: rule: what (do)")


if __name__ == "__main__":
    unittest.main()
