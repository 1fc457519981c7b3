# SPDX-License-Identifier: Apache-2.0
import unittest

import markdown
from tree import Tree


def titles(text):
    return len(markdown.check_titles(Tree({"docs/x.md": text})))


def links(text):
    tree = Tree({"docs/x.md": text, "docs/y.md": "", "core/shard.hpp": "", "README.md": ""})
    return [finding.what for finding in markdown.check_links(tree)]


class Titles(unittest.TestCase):
    def test_exactly_one(self):
        self.assertEqual(titles("# One\n\n## Part\n\n#hashtag\n"), 0)
        self.assertEqual(titles("# One\n\n# Two\n"), 1)
        self.assertEqual(titles("## None\n"), 1)

    def test_a_comment_in_a_code_block_is_no_title(self):
        self.assertEqual(titles("# One\n```sh\n# a comment\n```\n~~~\n# another\n~~~\n"), 0)


class Links(unittest.TestCase):
    def test_relative_links_are_followed(self):
        self.assertEqual(links("[a](y.md) [b](../core/shard.hpp#L3) [c](../core) [d](../README.md \"title\")"), [])
        self.assertEqual(links("[a](z.md) ![b](../gone.png)"), ["z.md", "../gone.png"])

    def test_others_are_not(self):
        self.assertEqual(links("[a](https://example.com/x) [b](#part) [c](mailto:a@b.c)"), [])
        self.assertEqual(links("`[a](z.md)`\n```\n[b](z.md)\n```\n"), [])


if __name__ == "__main__":
    unittest.main()
