# SPDX-License-Identifier: Apache-2.0
"""docs/contract.md names a test for every rule: those tests exist."""

import re

from tree import Finding

PAGE = "docs/contract.md"
# The second column of a table row; names of tests are code spans of lower-case words.
NAME = re.compile(r"`([a-z][a-z0-9]*(?:_[a-z0-9]+)+)`")
DEFINED = re.compile(r"^\s*[A-Z_]*TEST[A-Z_]*\(\s*([a-z]\w*)", re.MULTILINE)


def check(tree):
    page = tree.files.get(PAGE)
    if page is None:
        return []
    defined = {name for file in tree if file.folder == "tests" and file.suffix == ".cpp"
               for name in DEFINED.findall(file.text)}
    return [Finding(PAGE, number, "contract", f"no test is called {name}", "name the test that keeps this rule")
            for number, line in enumerate(page.lines, 1) if line.startswith("| ") and line.count("|") >= 3
            for name in NAME.findall(line.rsplit("|", 2)[1]) if name not in defined]
