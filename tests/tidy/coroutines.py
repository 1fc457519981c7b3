# SPDX-License-Identifier: Apache-2.0
"""D13: what GCC 12 compiles wrongly inside an expression that co_awaits.

The temporaries of such an expression live across the suspension, in the coroutine's frame. GCC 12 destroys a lambda's
captures and the members of a braced temporary twice, and those of a conditional operator too early. co_return alone
does not suspend: it counts only if its expression also holds a co_await.
"""

from tokens import NAME, NUMBER, PUNCTUATION, STRING, matching, matching_back
from tree import Finding

RULE = "coroutine-expression"
CONTROL = ("if", "while", "for", "switch", "constexpr")
PREFIX_KEYWORDS = ("return", "co_return", "co_await", "co_yield", "throw", "case", "else", "do", "and", "or", "not")
# Nothing to destroy, so nothing to destroy twice.
TRIVIAL = ("nanoseconds", "microseconds", "milliseconds", "seconds", "minutes", "hours", "duration", "instant", "span",
           "string_view", "byte", "int", "size_t", "uint8_t", "uint16_t", "uint32_t", "uint64_t")
NO_TYPES = ("return", "co_return", "co_yield", "else", "do", "try", "const", "noexcept", "mutable")
# After the } of a value; after the } of a block a statement starts.
GOES_ON = (",", ")", ".", "->", ";", "?", ":", "(", "[", "+", "-", "*", "/", "==", "!=", "<", ">", "&&", "||")


def check(tree):
    findings = []
    for file in tree.cpp():
        code, seen = file.code, set()
        for index, token in enumerate(code):
            if token.kind == NAME and token.text in ("co_await", "co_yield"):
                start = expression_start(code, index)
                if start not in seen:
                    seen.add(start)
                    findings += expression_findings(file, code, start)
    return findings


def expression_start(code, index):
    """Walks back from a co_await to the first token of its full expression."""
    position = index - 1
    while position >= 0:
        text = code[position].text if code[position].kind in (PUNCTUATION, NAME) else ""
        if text == ";" or text in ("else", "do"):
            return position + 1
        if text == "}":
            following = code[position + 1]
            if following.kind != PUNCTUATION or following.text not in GOES_ON:
                return position + 1  # the block before this statement
            position = matching_back(code, position)
        elif text in (")", "]"):
            opening = matching_back(code, position)
            if text == ")" and opening > 0 and code[opening - 1].text in CONTROL:
                return position + 1  # if (...) <here>
            position = opening
        elif text == "(" and position > 0 and code[position - 1].text in CONTROL:
            return position + 1  # if (<here> ...)
        elif text == "{" and not opens_value(code, position):
            return position + 1
        position -= 1
    return 0


def opens_value(code, position):
    """Whether an unmatched { starts a braced argument or value, not a block."""
    previous = code[position - 1].text if position > 0 else ""
    return previous in ("=", "(", ",", "return", "co_return", "co_yield")


def opens_lambda(code, position):
    """Whether the [ here introduces a lambda: not an index or a structured binding."""
    if position == 0:
        return True
    previous = code[position - 1]
    if previous.kind == NAME:
        return previous.text in PREFIX_KEYWORDS
    if previous.text in ("&", "&&") and position > 1 and code[position - 2].text == "auto":
        return False
    return previous.kind == PUNCTUATION and previous.text not in (")", "]", "[")


def lambda_body(code, position):
    """The { of the lambda whose [ stands at `position`, or None."""
    position = matching(code, position) + 1
    while position < len(code) and code[position].text not in ("{", ";", ")"):
        position = matching(code, position) if code[position].text in ("(", "[") else position
        position += 1
    return position if position < len(code) and code[position].text == "{" else None


def expression_findings(file, code, start):
    findings, depth, position = [], 0, start

    def found(token, what, remedy):
        findings.append(Finding(file.path, token.line, RULE, f"{what} in an expression that co_awaits", remedy))

    while position < len(code):
        token = code[position]
        if token.kind == PUNCTUATION:
            if token.text == ";" and depth == 0:
                break
            if token.text == "[" and code[position + 1].text == "[":
                position = matching(code, position) + 1  # an attribute
                continue
            if token.text == "[" and opens_lambda(code, position):
                if matching(code, position) > position + 1:
                    found(token, "a capturing lambda", "pass a captureless function and its arguments")
                body = lambda_body(code, position)
                position = (matching(code, body) if body else matching(code, position)) + 1
                continue
            if token.text == "{" and opens_temporary(code, position):
                found(token, "a braced temporary", "name the value in a line before")
            elif token.text == "{" and depth == 0 and not opens_value(code, position):
                break  # a block: the expression ended before it
            if token.text == "?":
                found(token, "?:", "write if and else, each with its own co_await")
            if token.text in ("(", "[", "{"):
                depth += 1
            elif token.text in (")", "]", "}"):
                depth -= 1
                if depth < 0:
                    break
        position += 1
    return findings


def opens_temporary(code, position):
    """Whether the { here makes a temporary: a braced argument f({...}), or a type's name right before it, T{...}."""
    previous = code[position - 1] if position > 0 else None
    if previous is None or previous.kind in (NUMBER, STRING):
        return False
    if previous.kind == NAME:
        return previous.text not in NO_TYPES + TRIVIAL
    return previous.text in ("(", ",", ">", "co_await")
