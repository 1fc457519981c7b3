# SPDX-License-Identifier: Apache-2.0
"""Named exceptions, each with its reason: rule -> path (a folder ends in /) -> reason.

One that matches nothing any more is itself a failure, so that this list only ever says what is true.
"""

EXCEPTIONS = {
    "leftover": {
        "tests/tidy/": "the rule's own source and tests spell the words",
    },
}
