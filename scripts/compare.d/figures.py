# SPDX-License-Identifier: Apache-2.0
"""The arithmetic of a comparison: medians with their spread, and ratios that pair what ran side by side.

A round measures every program once, one after the other. The machine's speed drifts from round to round, so a ratio is
taken inside each round and the median of these is the result; dividing two medians would mix the rounds. None stands
for a measurement that is not there or does not count, and takes its pair with it.
"""

import dataclasses
import statistics


@dataclasses.dataclass(frozen=True)
class Figure:
    """A median with the smallest and largest value behind it."""

    median: float
    least: float
    most: float
    count: int

    def as_json(self):
        return dataclasses.asdict(self)


def figure(values):
    """The figure of all values that are not None; None if there is none."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    return Figure(statistics.median(known), min(known), max(known), len(known))


def ratio(numerators, denominators):
    """The figure of the ratios round by round. Both lists have one entry per round."""
    if len(numerators) != len(denominators):
        raise ValueError("a ratio needs the same rounds on both sides")
    return figure([above / below if above is not None and below else None
                   for above, below in zip(numerators, denominators)])


def within(value, expected, tolerance):
    """Whether value lies within expected * (1 - tolerance) .. expected * (1 + tolerance)."""
    return expected * (1 - tolerance) <= value <= expected * (1 + tolerance)
