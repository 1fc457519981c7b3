# SPDX-License-Identifier: Apache-2.0
"""The files that the rules look at, read once, and what a rule reports."""

import dataclasses
import functools
import pathlib
import subprocess

import tokens

LIBRARY = ("buffers", "core", "net")
CODE = LIBRARY + ("apps", "tests")
CPP_SUFFIXES = (".hpp", ".cpp", ".h", ".c", ".inc")


@dataclasses.dataclass(frozen=True, order=True)
class Finding:
    path: str
    line: int
    rule: str
    what: str
    remedy: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.rule}: {self.what} ({self.remedy})"


class File:
    """One file of the tree. `path` is relative to the root, with slashes."""

    def __init__(self, path, text):
        self.path = path
        self.text = text
        self.lines = text.splitlines()
        self.folder = path.split("/")[0] if "/" in path else ""
        self.name = path.split("/")[-1]
        self.stem, dot, suffix = self.name.rpartition(".")
        self.suffix = dot + suffix if self.stem else ""

    @property
    def is_cpp(self):
        return self.suffix in CPP_SUFFIXES and self.folder in CODE

    @property
    def is_header(self):
        return self.suffix in (".hpp", ".h") and self.is_cpp

    @functools.cached_property
    def tokens(self):
        return tokens.tokenize(self.text)

    @functools.cached_property
    def code(self):
        """The tokens without comments and preprocessor lines."""
        return [token for token in self.tokens if token.kind not in (tokens.COMMENT, tokens.DIRECTIVE)]


class Tree:
    """All files, by path. Tests make one from a dict."""

    def __init__(self, files):
        self.files = {path: File(path, text) for path, text in sorted(files.items())}

    def __iter__(self):
        return iter(self.files.values())

    def __contains__(self, path):
        return path in self.files

    def cpp(self, folders=CODE):
        return [file for file in self if file.is_cpp and file.folder in folders]


def load(root):
    """What git tracks or would add; without git, everything outside build/ and dot folders."""
    root = pathlib.Path(root)
    listed = subprocess.run(
        ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True, check=False)
    if listed.returncode == 0:
        paths = [name for name in listed.stdout.decode().split("\0") if name]
    else:
        paths = [str(path.relative_to(root)) for path in root.rglob("*")]
        paths = [path for path in paths if not path.startswith(("build/", ".git/"))]
    files = {}
    for path in paths:
        full = root / path
        if not full.is_file():
            continue
        try:
            files[path] = full.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            files[path] = ""
    return Tree(files)
