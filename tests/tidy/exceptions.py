# SPDX-License-Identifier: Apache-2.0
"""Named exceptions, each with its reason: rule -> path (a folder ends in /) -> reason.

One that matches nothing any more is itself a failure, so that this list only ever says what is true.
"""

EXCEPTIONS = {
    "banned-call": {
        "core/log_output.cpp": "the log's thread writes to files and terminals; no shard waits for it",
        "core/signal_wait.cpp": "signals of the thread in run(), never a shard's; no socket is touched",
    },
    "include-direction": {
        "buffers/fmt.hpp": "the header of its own for who logs bytes with fmt; nothing of ours includes it",
    },
    "leftover": {
        "tests/tidy/": "the rule's own source and tests spell the words",
    },
    "thread-local": {
        "core/shard.hpp": "shard::current() itself (D4)",
    },
    "payload-copy": {
        "core/host/ares_resolver.cpp": "the 4 or 16 bytes of an address, per answer",
        "core/host/process_link.cpp": "numbers of descriptors, in the kernel's envelope for them",
        "core/shard_log.cpp": "lines of a log on their way to its file",
        "core/host/socket_name.hpp": "a sockaddr of at most 128 bytes, at accept and connect",
        "buffers/each_place.hpp": "sixteen bytes into a register, to be compared",
        "buffers/endian.hpp": "one integer at a time: compilers make a load or a store of it",
    },
}
