# SPDX-License-Identifier: Apache-2.0
import unittest

import tokens


def kinds(text):
    return [(token.kind, token.text) for token in tokens.tokenize(text)]


class Tokens(unittest.TestCase):
    def test_comments_are_kept_apart_from_code(self):
        self.assertEqual(kinds("a // b\nc /* d\ne */ f"), [
            ("name", "a"), ("comment", "// b"), ("name", "c"), ("comment", "/* d\ne */"), ("name", "f")])

    def test_a_comment_sign_in_a_string_is_text(self):
        self.assertEqual(kinds('"//" x \'"\' y'),
                         [("string", '"//"'), ("name", "x"), ("string", "'\"'"), ("name", "y")])

    def test_raw_strings_may_hold_quotes_and_lines(self):
        self.assertEqual(kinds('R"x(a" )" \n)x" b'), [("string", 'R"x(a" )" \n)x"'), ("name", "b")])

    def test_digit_separators_are_no_character_literals(self):
        self.assertEqual(kinds("1'000'000 + 'a'"), [("number", "1'000'000"), ("punctuation", "+"), ("string", "'a'")])

    def test_lines_are_counted_through_everything(self):
        lines = [token.line for token in tokens.tokenize("a\n/*\n*/ b\n#define X \\\n  y\nR\"(\n)\" c")]
        self.assertEqual(lines, [1, 2, 3, 4, 6, 7])

    def test_a_directive_is_one_token_with_its_continuations(self):
        self.assertEqual(kinds("#define f(x) \\\n  g(x)\nh"), [("directive", "#define f(x) \\\n  g(x)"), ("name", "h")])

    def test_a_hash_inside_a_line_is_no_directive(self):
        self.assertEqual([kind for kind, _ in kinds("a # b")], ["name", "punctuation", "name"])

    def test_scope_and_arrow_are_one_token(self):
        self.assertEqual([text for _, text in kinds("a::b->c")], ["a", "::", "b", "->", "c"])

    def test_brackets_match_both_ways(self):
        found = tokens.tokenize("f(a[1], {b})")
        self.assertEqual(tokens.matching(found, 1), len(found) - 1)
        self.assertEqual(tokens.matching_back(found, len(found) - 1), 1)


if __name__ == "__main__":
    unittest.main()
