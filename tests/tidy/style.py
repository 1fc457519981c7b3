# SPDX-License-Identifier: Apache-2.0
"""Shape: names of folders, first lines, sizes, and nothing left lying about."""

import re

from tokens import COMMENT, DIRECTIVE, NAME, PUNCTUATION, matching
from tree import Finding

TOP_LEVEL = ("CMakeLists.txt", "core", "net", "buffers", "apps", "tests", "configs", "scripts", "README.md",
             "ARCHITECTURE.md", "LICENSE", "docs", "CMakePresets.json")
LINE_LIMIT = 120
FILE_SOFT_LIMIT, FILE_LIMIT = 400, 600
FUNCTION_LIMIT, TEST_FUNCTION_LIMIT = 60, 100
VAGUE = ("util", "utils", "utility", "utilities", "common", "misc", "helpers")
LEFTOVER = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
SWITCHED_OFF = re.compile(r"#\s*if\s+(0|false)\b")
NO_FUNCTIONS = ("requires", "alignas", "decltype", "noexcept", "explicit", "sizeof")
SCRIPT_SUFFIXES = (".py", ".sh", ".bash", ".cmake")


def is_source(file):
    script = file.suffix in SCRIPT_SUFFIXES or file.name == "CMakeLists.txt" or file.text.startswith("#!")
    return script or file.is_cpp


def check_top_level(tree):
    top = {file.path.split("/")[0]: file for file in tree}
    return [Finding(file.path, 1, "top-level", f"{name} at the top of the tree", "move it into one of the folders")
            for name, file in top.items() if name not in TOP_LEVEL and not name.startswith(".")]


def check_vague_names(tree):
    findings = []
    for file in tree:
        parts = file.path.split("/")
        for part in [*parts[:-1], parts[-1].split(".")[0]]:
            if part.lower() in VAGUE:
                findings.append(Finding(file.path, 1, "vague-name", f"something called {part}",
                                        "name it after what it does"))
    return findings


def check_licence_line(tree):
    findings = []
    for file in tree:
        if not is_source(file) or not file.lines:
            continue
        line = 1 if file.lines[0].startswith("#!") else 0
        mark = "// " if file.is_cpp else "# "
        if len(file.lines) <= line or file.lines[line] != f"{mark}SPDX-License-Identifier: Apache-2.0":
            findings.append(Finding(file.path, line + 1, "spdx", "no licence line",
                                    f"write `{mark}SPDX-License-Identifier: Apache-2.0` here"))
    return findings


def check_header_form(tree):
    findings = []
    for file in tree.cpp():
        if not file.is_header:
            continue
        directives = [token for token in file.tokens if token.kind == DIRECTIVE]
        if not any(token.text.split() == ["#pragma", "once"] for token in directives):
            findings.append(Finding(file.path, 1, "pragma-once", "no #pragma once", "put it under the file comment"))
        for first, second in zip(file.code, file.code[1:]):
            if (first.text, second.text) == ("using", "namespace"):
                findings.append(Finding(file.path, first.line, "using-namespace", "using namespace in a header",
                                        "name what is used, or open the namespace in the .cpp"))
    return findings


def check_line_length(tree):
    return [Finding(file.path, number, "line-length", f"{len(line)} columns", f"at most {LINE_LIMIT}")
            for file in tree if is_source(file)
            for number, line in enumerate(file.lines, 1) if len(line) > LINE_LIMIT]


def check_file_length(tree):
    return [Finding(file.path, len(file.lines), "file-length", f"{len(file.lines)} lines",
                    f"at most {FILE_LIMIT}, {FILE_SOFT_LIMIT} as a habit: split it by idea")
            for file in tree if is_source(file) and len(file.lines) > FILE_LIMIT]


def notes_on_file_length(tree):
    """Not a failure: a word in time."""
    return [f"note: {file.path} has {len(file.lines)} lines; {FILE_SOFT_LIMIT} is the habit"
            for file in tree if is_source(file) and FILE_SOFT_LIMIT < len(file.lines) <= FILE_LIMIT]


def check_leftovers(tree):
    findings = []
    for file in tree:
        if file.is_cpp:
            marked = [token for token in file.tokens if token.kind == COMMENT and LEFTOVER.search(token.text)]
            off = [token for token in file.tokens if token.kind == DIRECTIVE and SWITCHED_OFF.match(token.text)]
            places = [(token.line, LEFTOVER.search(token.text)[0]) for token in marked]
            places += [(token.line, "code that is switched off") for token in off]
        elif is_source(file) or file.suffix == ".md":
            places = [(number, LEFTOVER.search(line)[0])
                      for number, line in enumerate(file.lines, 1) if LEFTOVER.search(line)]
        else:
            continue
        findings += [Finding(file.path, line, "leftover", what, "do it, or file an issue and delete it")
                     for line, what in places]
    return findings


def check_function_length(tree):
    findings = []
    for file in tree.cpp():
        limit = TEST_FUNCTION_LIMIT if file.folder == "tests" else FUNCTION_LIMIT
        for name, first, last in functions(file.code):
            if last - first + 1 > limit:
                findings.append(Finding(file.path, first, "function-length", f"{name}: {last - first + 1} lines",
                                        f"at most {limit}: split it by step"))
    return findings


def functions(code):
    """(name, first line, last line) of every function body at namespace or class level; lambdas belong to theirs."""
    result, position, head = [], 0, 0
    while position < len(code):
        text = code[position].text if code[position].kind == PUNCTUATION else ""
        if text in (";", "}"):
            head = position + 1
        elif text in ("(", "["):
            position = matching(code, position)
        elif text == "{":
            kind, name = block_kind(code, head, position)
            if kind == "function":
                end = matching(code, position)
                result.append((name, code[head].line, code[end].line))
                position, head = end, end + 1
            elif kind == "value":
                position = matching(code, position)
            else:
                head = position + 1
        position += 1
    return result


def block_kind(code, head, brace):
    """What the { at `brace` opens, judged by the tokens since the last statement: function, scope or value."""
    previous = code[brace - 1] if brace else None
    names = {token.text for token in code[head:brace] if token.kind == NAME}
    group = parameters(code, head, brace)
    if "namespace" in names or previous is None or head == brace:
        return "scope", ""
    if group is None:
        scope = names & {"class", "struct", "union", "enum", "extern", "concept"}
        return ("scope" if scope else "value"), ""
    after = matching(code, group) + 1
    in_initializers = any(token.text == ":" for token in code[after:brace])
    if in_initializers and previous.kind == NAME and previous.text not in ("try", "noexcept", "const"):
        return "value", ""  # member_{...} of a constructor
    if any(token.text == "=" for token in code[after:brace]) and "operator" not in names:
        return "value", ""
    return "function", code[group - 1].text


def parameters(code, head, brace):
    """The index of the ( of a function's parameters, or None."""
    position = head
    while position < brace:
        if code[position].text in ("(", "["):
            before = code[position - 1] if position > head else None
            if code[position].text == "(" and before and before.kind == NAME and before.text not in NO_FUNCTIONS:
                return position
            position = matching(code, position)
        position += 1
    return None
