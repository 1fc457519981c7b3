# SPDX-License-Identifier: Apache-2.0
"""A C++ tokenizer that is good enough for rules: comments, raw strings, digit separators and directives are right."""

import dataclasses
import re

NAME, NUMBER, STRING, PUNCTUATION = "name", "number", "string", "punctuation"
COMMENT, DIRECTIVE = "comment", "directive"

PATTERN = re.compile(
    r"""
    (?P<blank>\s+|\\\n)
  | (?P<comment>//(?:[^\\\n]|\\.|\\\n)*|/\*.*?\*/)
  | (?P<raw>(?:u8|[uUL])?R"(?P<delimiter>[^\s()\\]{0,16})\(.*?\)(?P=delimiter)")
  | (?P<string>(?:u8|[uUL])?"(?:[^"\\\n]|\\.)*"|(?:u8|[uUL])?'(?:[^'\\\n]|\\.)+')
  | (?P<number>\.?\d(?:'\w|[eEpP][+-]|[\w.])*)
  | (?P<name>[^\W\d]\w*)
  | (?P<punctuation>::|->\*?|\.\.\.|&&|\|\||[=!<>+\-*/%&|^]=|\+\+|--|.)
    """,
    re.VERBOSE | re.DOTALL)

# A directive ends at the first line end that is neither escaped nor inside a comment.
DIRECTIVE_PATTERN = re.compile(r"#(?:\\\n|/\*.*?\*/|//[^\n]*|\"(?:[^\"\\\n]|\\.)*\"|[^\n])*", re.DOTALL)


@dataclasses.dataclass(frozen=True)
class Token:
    kind: str
    text: str
    line: int


def tokenize(text):
    result, position, line, at_line_start = [], 0, 1, True
    while position < len(text):
        if at_line_start and text[position] == "#":
            match, kind = DIRECTIVE_PATTERN.match(text, position), DIRECTIVE
        else:
            match = PATTERN.match(text, position)
            kind = STRING if match.lastgroup in ("raw", "delimiter") else match.lastgroup
        piece = match.group()
        if kind != "blank":
            result.append(Token(kind, piece, line))
        at_line_start = "\n" in piece if kind == "blank" else at_line_start and kind == COMMENT
        line += piece.count("\n")
        position = match.end()
    return result


def matching(tokens, opening):
    """The index of the bracket that closes the one at `opening`, or the last index if it never closes."""
    depth = 0
    for index in range(opening, len(tokens)):
        if tokens[index].kind == PUNCTUATION:
            if tokens[index].text in "([{":
                depth += 1
            elif tokens[index].text in ")]}":
                depth -= 1
                if depth == 0:
                    return index
    return len(tokens) - 1


def matching_back(tokens, closing):
    """The index of the bracket that opens what the one at `closing` closes, or 0."""
    depth = 0
    for index in range(closing, -1, -1):
        if tokens[index].kind == PUNCTUATION:
            if tokens[index].text in ")]}":
                depth += 1
            elif tokens[index].text in "([{":
                depth -= 1
                if depth == 0:
                    return index
    return 0
