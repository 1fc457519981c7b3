# SPDX-License-Identifier: Apache-2.0
"""From rounds to verdicts. Says "not enough evidence" rather than a figure it cannot stand for."""

import dataclasses
import enum

from figures import Figure, figure, ratio, within
from jobs import AGAIN, BETTER_PEER, CONTROL_BAND, ENOUGH_ROUNDS, ENOUGH_SECONDS, TABLE_TOLERANCE, Target


class Outcome(enum.Enum):
    MET = "met"
    MISSED = "missed"
    UNKNOWN = "n/a"


# Exit statuses, those of all our programs.
OK, FAILED, SLOWER, NOT_ENOUGH_EVIDENCE = 0, 1, 5, 6


@dataclasses.dataclass(frozen=True)
class Verdict:
    target: Target
    against: str              # the better peer by its name
    value: Figure | None
    now: Outcome | None       # None: no figure has been set for now
    final: Outcome
    why: str = ""             # why it is n/a


@dataclasses.dataclass
class Judgement:
    job: object
    rounds: list              # the rounds that count, each {program: Sample}
    quiet: int                # how many of all rounds nobody disturbed
    foreign: float            # cores' worth of time that others took, the median of all rounds
    better_peer: str | None
    verdicts: list
    doubts: list              # why the run is no evidence; empty if it is
    errors: list              # programs whose answers were wrong or missing
    check: Figure | None
    check_fits: bool | None
    control: Figure | None
    system_calls: dict        # program -> per request

    def status(self, final=False):
        if self.errors:
            return FAILED
        if self.doubts:
            return NOT_ENOUGH_EVIDENCE
        outcomes = [verdict.final if final else verdict.now for verdict in self.verdicts]
        outcomes += [self.system_call_outcome(program) for program, _ in self.job.system_calls]
        if Outcome.MISSED in outcomes:
            return SLOWER
        return NOT_ENOUGH_EVIDENCE if Outcome.UNKNOWN in outcomes else OK


    def system_call_outcome(self, program):
        if program not in self.system_calls:
            return Outcome.UNKNOWN
        limit = dict(self.job.system_calls)[program]
        return Outcome.MET if self.system_calls[program] <= limit else Outcome.MISSED


def worst(statuses):
    """One status for several jobs."""
    statuses = list(statuses)
    return next((status for status in (FAILED, SLOWER, NOT_ENOUGH_EVIDENCE) if status in statuses), OK)


def is_quiet(samples):
    return all(sample.quiet for sample in samples.values())


def column(rounds, program, metric):
    """One value per round, None where there is none."""
    return [samples[program].metric(metric) if program in samples else None for samples in rounds]


def better_of(rounds, peers):
    """The peer that needs the least processor time per request."""
    medians = {peer: found.median for peer in peers if (found := figure(column(rounds, peer, "cpu")))}
    return min(medians, key=medians.get, default=None)


def ratio_of(rounds, metric, above, below):
    return ratio(column(rounds, above, metric), column(rounds, below, metric))


def judge(job, all_rounds, seconds, quick=False, system_calls=None):
    quiet = [samples for samples in all_rounds if is_quiet(samples)]
    rounds = quiet or all_rounds
    better = better_of(rounds, job.peers)
    names = {BETTER_PEER: better}
    doubts = doubts_of(quiet, all_rounds, seconds, quick)
    check, fits = None, None
    if job.check:
        check = ratio_of(rounds, "cpu", job.check.raw, names.get(job.check.reference, job.check.reference))
        fits = bool(check) and within(check.median, job.check.expected, TABLE_TOLERANCE)
        if not fits:
            doubts.append(describe_misfit(job.check, check))
    control = None
    if len(job.programs) == 2 and job.programs[1] == job.programs[0] + AGAIN:
        control = ratio_of(rounds, "cpu", *job.programs)
        if not control or not CONTROL_BAND[0] <= control.median <= CONTROL_BAND[1]:
            doubts.append("a program against itself does not read 0.95-1.05: the machine is too noisy")
    verdicts = [verdict_on(target, rounds, names.get(target.against, target.against), doubts)
                for target in job.targets]
    errors = sorted({f"{program}: {what}" for samples in all_rounds
                     for program, sample in samples.items() for what in sample.errors})
    foreign = figure([sample.foreign for samples in all_rounds for sample in samples.values()])
    return Judgement(job, rounds, len(quiet), foreign.median, better, verdicts, doubts, errors, check, fits, control,
                     system_calls or {})


def doubts_of(quiet, all_rounds, seconds, quick):
    doubts = []
    if quick:
        doubts.append("--quick is a look, not a measurement")
    elif seconds < ENOUGH_SECONDS or len(all_rounds) < ENOUGH_ROUNDS:
        doubts.append(f"evidence is at least {ENOUGH_ROUNDS} rounds of {ENOUGH_SECONDS:g} s")
    elif len(quiet) < ENOUGH_ROUNDS:
        doubts.append(f"only {len(quiet)} of {len(all_rounds)} rounds were undisturbed, {ENOUGH_ROUNDS} are needed: "
                      "something else used the measuring cores")
    return doubts


def describe_misfit(check, found):
    low, high = check.expected * (1 - TABLE_TOLERANCE), check.expected * (1 + TABLE_TOLERANCE)
    if not found:
        return f"{check.raw} / {check.reference} could not be measured, so the run cannot be checked against the table"
    return (f"{check.raw} / {check.reference} reads {found.median:.2f}, outside {low:.2f}..{high:.2f}, the table's "
            f"{check.expected:.2f} within 15 %")


def verdict_on(target, rounds, against, doubts):
    value = ratio_of(rounds, target.metric, target.subject, against) if against else None
    if not value:
        why = why_unknown(target, rounds, against)
    elif doubts:
        why = "not enough evidence"
    elif value.count < ENOUGH_ROUNDS:
        why = f"the server's core was busy enough in {value.count} rounds only"
    else:
        return Verdict(target, against, value, outcome(value, target.limit), outcome(value, target.final))
    unknown = None if target.limit is None else Outcome.UNKNOWN
    return Verdict(target, against or target.against, value, unknown, Outcome.UNKNOWN, why)


def outcome(value, limit):
    """A target is met by the median; None where no limit has been set."""
    if limit is None:
        return None
    return Outcome.MET if value.median <= limit else Outcome.MISSED


def why_unknown(target, rounds, against):
    if not against:
        return "no peer was measured"
    missing = [name for name in (target.subject, against) if not any(name in samples for samples in rounds)]
    return f"{' and '.join(missing)} not measured" if missing else "the server's core was not busy enough"
