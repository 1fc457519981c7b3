# SPDX-License-Identifier: Apache-2.0
"""Calls that have one home: time, randomness and sockets in the seam, payload copies in the counted function."""

from tokens import NAME
from tree import Finding

# Everything of ours but the tests, which may do what a stranger's program does.
SCANNED = ("buffers", "core", "net", "apps")
SEAM = ("core/host/", "core/poller/")

SOCKETS = "net/socket or an fd_operator: only core/host and core/poller make socket calls"
CLOCK = "the shard's now(), or the instant that is handed in"
RANDOM = "the shard's random source, or the generator that is handed in"
WAIT = "a timer of the shard: co_await it, nothing may block a shard"
SHARED = "one owner per object: a message (submit_to, post) instead of a lock or a thread"

# Names that only the system has: any plain call counts.
SYSTEM_ONLY = {
    **dict.fromkeys(("recvmsg", "sendmsg", "recvmmsg", "sendmmsg", "recvfrom", "readv", "writev", "accept4",
                     "socketpair", "setsockopt", "getsockopt", "getsockname", "getpeername", "epoll_create",
                     "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2", "eventfd",
                     "timerfd_create", "ppoll"), SOCKETS),
    **dict.fromkeys(("clock_gettime", "gettimeofday"), CLOCK),
    **dict.fromkeys(("getrandom", "getentropy", "rand", "srand", "drand48", "rand_r"), RANDOM),
    **dict.fromkeys(("usleep", "nanosleep", "clock_nanosleep"), WAIT),
}
# Names that our own methods have as well: only ::name( counts.
SYSTEM_GLOBAL = {
    **dict.fromkeys(("socket", "connect", "accept", "bind", "listen", "recv", "send", "sendto", "read", "write",
                     "shutdown", "poll", "select"), SOCKETS),
    "time": CLOCK, "random": RANDOM, "sleep": WAIT,
}
CLOCKS = ("steady_clock", "system_clock", "high_resolution_clock", "utc_clock", "file_clock", "tai_clock")
IN_STD = {"time": CLOCK, "rand": RANDOM, "srand": RANDOM}
SHARING = ("mutex", "recursive_mutex", "shared_mutex", "timed_mutex", "condition_variable", "thread", "jthread",
           "async", "lock_guard", "scoped_lock", "unique_lock")

# Keywords that stand before a call; any other name there is the type of a declaration.
NOT_A_TYPE = ("return", "co_return", "co_await", "co_yield", "throw", "case", "else", "do", "and", "or", "not")

COPIES = ("memcpy", "memmove", "mempcpy", "copy", "copy_n", "copy_backward", "move_backward")
COPY_HOME = "buffers/copy."


def check_banned(tree):
    findings = []
    for file in tree.cpp(SCANNED):
        if file.path.startswith(SEAM):
            continue
        for index, token in enumerate(file.code):
            if token.kind == NAME and (found := banned(file, index)):
                findings.append(Finding(file.path, token.line, "banned-call", found[0], f"use {found[1]}"))
    return findings


def banned(file, index):
    """(what, replacement) if the name at `index` is used in a way that is not allowed in this file."""
    code, name = file.code, file.code[index].text
    before = [token.text for token in code[max(0, index - 3):index]]
    before = [""] * (3 - len(before)) + before
    after = code[index + 1].text if index + 1 < len(code) else ""
    scope = before[1] if before[2] == "::" and is_name(before[1]) else ("::" if before[2] == "::" else "")
    if name == "now" and scope in CLOCKS and after == "(":
        return f"{scope}::now", CLOCK
    if name == "random_device" and before[2] not in (".", "->"):
        return name, RANDOM
    if name in ("sleep_for", "sleep_until") and scope == "this_thread":
        return name, WAIT
    if scope == "std" and name in IN_STD and after == "(":
        return f"std::{name}", IN_STD[name]
    if file.folder in ("buffers", "net"):
        if scope == "std" and name in SHARING and after != "::":
            return f"std::{name} in {file.folder}", SHARED
        if file.folder == "net" and name in ("new", "delete") and raw_allocation(before, after):
            return f"raw {name} in net", "std::make_unique, or the shard's slab"
    if after != "(" or is_declaration(code, index):
        return None
    if name in SYSTEM_GLOBAL and scope == "::":
        return f"::{name}", SYSTEM_GLOBAL[name]
    if name in SYSTEM_ONLY and scope in ("", "::") and before[2] not in (".", "->"):
        return name, SYSTEM_ONLY[name]
    return None


def is_name(text):
    return bool(text) and (text[0].isalpha() or text[0] == "_") and text not in NOT_A_TYPE


def is_declaration(code, index):
    """`result<int> accept4(...)` and `void eventfd(...)` declare; `return f(...)` and `x = f(...)` call."""
    previous = code[index - 1] if index else None
    if previous is None:
        return False
    if previous.kind == NAME:
        return previous.text not in NOT_A_TYPE
    return previous.text == ">" and index > 1 and code[index - 2].text not in (")", "]")


def raw_allocation(before, after):
    """Not `operator new`, not placement `new (place)`, not `= delete;`."""
    deleted = before[2] == "=" and after == ";"
    return before[2] != "operator" and not deleted and after != "("


def check_copies(tree):
    findings = []
    for file in tree.cpp(("buffers", "core", "net")):
        if file.path.startswith(COPY_HOME):
            continue
        code = file.code
        for index, token in enumerate(code):
            if token.kind != NAME or token.text not in COPIES or index + 1 >= len(code) or code[index + 1].text != "(":
                continue
            before = [token.text for token in code[max(0, index - 2):index]]
            plain = token.text.startswith("mem") and before[-1:] not in (["."], ["->"])
            if plain or before in (["std", "::"], ["ranges", "::"]):
                findings.append(Finding(file.path, token.line, "payload-copy", f"{token.text} outside buffers/copy",
                                        "payload: use the counted copy; anything else: name it in exceptions.py"))
    return findings


def check_thread_local(tree):
    findings = []
    for file in tree.cpp(SCANNED):
        findings += [Finding(file.path, token.line, "thread-local", "thread_local",
                             "only shard::current() may be one (D4): keep state in the shard")
                     for token in file.code if token.kind == NAME and token.text == "thread_local"]
    return findings
