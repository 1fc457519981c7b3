# SPDX-License-Identifier: Apache-2.0
"""Who may include whom: apps -> net -> core -> buffers, no cycles, own header first."""

import re

from tokens import DIRECTIVE
from tree import LIBRARY, Finding

INCLUDE = re.compile(r'#\s*include\s*([<"])([^>"]+)[>"]')
BELOW = {"buffers": ("buffers",), "core": ("buffers", "core"), "net": ("buffers", "core", "net"),
         "apps": ("buffers", "core", "net", "apps"), "tests": ("buffers", "core", "net", "apps", "tests")}
# What a program that includes our headers must not have to install or compile.
HIDDEN = re.compile(r"^(fmt/|spdlog/|openssl/|yaml-cpp/|hwloc|liburing|ares|xxhash)")


def included(file):
    """(line, angle or quote, name) of each #include."""
    result = []
    for token in file.tokens:
        if token.kind == DIRECTIVE and (match := INCLUDE.match(token.text)):
            result.append((token.line, match[1], match[2]))
    return result


def resolve(tree, file, quote, name):
    """The path of one of our files, or None for somebody else's."""
    if name == "shoal/shoal.hpp":
        return "net/shoal.hpp"
    if name.startswith("shoal/"):
        return name.removeprefix("shoal/")
    if name.startswith("tests/"):
        return name
    if quote == '"':
        for path in (f"{file.path.rpartition('/')[0]}/{name}", f"apps/{name}"):
            if path in tree:
                return path
    return None


def check_directions(tree):
    rule, findings = "include-direction", []
    for file in tree.cpp():
        for line, quote, name in included(file):
            target = resolve(tree, file, quote, name)

            def found(what, remedy, line=line):
                findings.append(Finding(file.path, line, rule, what, remedy))

            if target is None:
                if file.folder in LIBRARY and file.is_header and HIDDEN.match(name):
                    found(f"a header shows <{name}> to everyone who includes it", "include it in the .cpp")
                continue
            folder = target.split("/")[0]
            if folder not in BELOW[file.folder]:
                found(f"{file.folder} includes {folder}", "includes point down: apps -> net -> core -> buffers")
            elif folder == "apps" and file.folder == "apps" and target.split("/")[1] != file.path.split("/")[1]:
                found(f"{name}: one app includes another", "move what both need into net, core or buffers")
            elif target.startswith("net/config/") and file.folder == "net" and not file.path.startswith("net/config/"):
                found("shoal::net includes shoal::config", "only net/config and apps may: net must not need yaml-cpp")
            elif folder in LIBRARY and quote == '"':
                found(f'"{name}"', f"write <shoal/{target}>")
            elif target not in tree:
                found(f"{name} does not exist", "correct the name")
    return findings


def graph(tree):
    edges = {}
    for file in tree.cpp():
        targets = {}
        for line, quote, name in included(file):
            target = resolve(tree, file, quote, name)
            if target in tree:
                targets.setdefault(target, line)
        edges[file.path] = targets
    return edges


def check_cycles(tree):
    """Depth first; an edge to a file that is still open closes a cycle."""
    edges, state, findings = graph(tree), {}, []

    def visit(path, trail):
        state[path] = "open"
        for target, line in edges.get(path, {}).items():
            if state.get(target) == "open":
                cycle = " -> ".join([*trail[trail.index(target):], target])
                findings.append(Finding(path, line, "include-cycle", cycle, "forward declare, or split what both need"))
            elif target not in state:
                visit(target, [*trail, target])
        state[path] = "done"

    for path in edges:
        if path not in state:
            visit(path, [path])
    return findings


def check_own_header_first(tree):
    findings = []
    for file in tree.cpp():
        own = file.path.removesuffix(file.suffix) + ".hpp"
        if file.suffix != ".cpp" or own not in tree:
            continue
        names = included(file)
        if not names or resolve(tree, file, names[0][1], names[0][2]) != own:
            line = names[0][0] if names else 1
            findings.append(Finding(file.path, line, "own-header-first", f"the first include is not {own}",
                                    "put it first, so that it is proved to stand alone"))
    return findings


def closure(edges, path):
    """All files that `path` includes, directly or not, itself among them."""
    seen, open_paths = set(), [path]
    while open_paths:
        current = open_paths.pop()
        if current not in seen:
            seen.add(current)
            open_paths += edges.get(current, {})
    return seen
