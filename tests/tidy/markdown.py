# SPDX-License-Identifier: Apache-2.0
"""Pages: one title each, and no relative link that leads nowhere."""

import posixpath
import re

from tree import Finding

LINK = re.compile(r"!?\[[^\]]*\]\(<?([^)>\s]+)>?(?:\s+\"[^\"]*\")?\)")
CODE_SPAN = re.compile(r"`[^`]*`")


def prose(file):
    """(number, line) outside fenced code, with code spans blanked."""
    fence = None
    for number, line in enumerate(file.lines, 1):
        mark = re.match(r"\s*(```+|~~~+)", line)
        if mark and fence is None:
            fence = mark[1][:3]
        elif mark and mark[1].startswith(fence):
            fence = None
        elif fence is None:
            yield number, CODE_SPAN.sub("", line)


def check_titles(tree):
    findings = []
    for file in tree:
        if file.suffix != ".md":
            continue
        titles = [number for number, line in prose(file) if re.match(r"# \S", line)]
        if len(titles) != 1:
            findings.append(Finding(file.path, titles[1] if titles else 1, "one-title", f"{len(titles)} titles",
                                    "a page has exactly one line that starts with `# `"))
    return findings


def check_links(tree):
    folders = {posixpath.dirname(path) for path in tree.files}
    folders |= {parent for folder in folders for parent in parents(folder)}
    findings = []
    for file in tree:
        if file.suffix != ".md":
            continue
        for number, line in prose(file):
            for target in LINK.findall(line):
                if re.match(r"[a-z]+:|#", target):
                    continue
                path = posixpath.normpath(posixpath.join(posixpath.dirname(file.path), target.split("#")[0]))
                if path not in tree and path not in folders:
                    findings.append(Finding(file.path, number, "dead-link", target, "correct the path"))
    return findings


def parents(folder):
    while folder:
        yield folder
        folder = posixpath.dirname(folder)
