# SPDX-License-Identifier: Apache-2.0
"""What people read: one table per job, then the verdicts."""

import textwrap

from figures import figure
from jobs import CONTROL_BAND, TABLE_TOLERANCE
from judge import FAILED, NOT_ENOUGH_EVIDENCE, OK, SLOWER, column


def three_digits(value):
    """Enough to compare by, and no digit that only the noise has made."""
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:,.0f}"


COSTS = (  # metric, heading, text of one value
    ("cpu", "cpu us/request", three_digits),
    ("machine", "whole machine us/request", three_digits),
    ("busy", "server's core busy", "{:.0%}".format),
)
SERVICE = (
    ("rate", "requests/s", "{:,.0f}".format),
    ("p50", "p50 us", "{:,.0f}".format),
    ("p99", "p99 us", "{:,.0f}".format),
    ("p99.9", "p99.9 us", "{:,.0f}".format),
)
METRIC_NAMES = {"cpu": "cpu/request", "p99.9": "p99.9"}
STATUS_WORDS = {OK: "targets met", FAILED: "failed", SLOWER: "slower than the target",
                NOT_ENOUGH_EVIDENCE: "not enough evidence"}


def spread(found, text):
    return f"{text(found.median)} ({text(found.least)}..{text(found.most)})" if found else "n/a"


def ratio_text(found):
    return spread(found, "{:.2f}".format)


def aligned(rows):
    """Lines of columns, the first flush left and the others flush right."""
    widths = [max(map(len, texts)) for texts in zip(*rows)]
    return ["  " + "   ".join(text.rjust(width) if index else text.ljust(width)
                              for index, (text, width) in enumerate(zip(row, widths))).rstrip() for row in rows]


def title(job, bench, rounds):
    kind = "connection per client upstream, " if job.proxied else ""
    return (f"{job.name}: {job.what}, {job.connections} connections\n"
            f"  {rounds} rounds of {bench.seconds:g} s, {kind}server on cpu {bench.server_cpu}, "
            f"load{' and endpoint' if job.proxied else ''} on cpu {bench.load_cpu}; median (least..most)")


def figures_table(judgement, columns):
    rows = [["", *(heading for _, heading, _ in columns)]]
    for program in judgement.job.programs:
        if any(program in samples for samples in judgement.rounds):
            rows.append([program, *(spread(figure(column(judgement.rounds, program, metric)), text)
                                    for metric, _, text in columns)])
    return aligned(rows)


def outcome_text(outcome, limit):
    return f"<= {limit:.2f} {outcome.value}"


def verdict_rows(judgement):
    for verdict in judgement.verdicts:
        target = verdict.target
        against = verdict.against if verdict.against == target.against else f"{verdict.against} ({target.against})"
        yield [f"{target.subject} / {against}", METRIC_NAMES[target.metric], ratio_text(verdict.value),
               "" if verdict.now is None else "target " + outcome_text(verdict.now, target.limit),
               "" if target.final == target.limit else "final " + outcome_text(verdict.final, target.final),
               f"({verdict.why})" if verdict.why else ""]


def left_aligned(rows):
    columns = [texts for texts in zip(*rows) if any(texts)]
    padded = [[text.ljust(max(map(len, texts))) for text in texts] for texts in columns]
    return ["  " + "   ".join(row).rstrip() for row in zip(*padded)]


def check_line(judgement):
    check = judgement.job.check
    if not check or not judgement.check:
        return []
    low, high = (check.expected * (1 + sign * TABLE_TOLERANCE) for sign in (-1, 1))
    reference = judgement.better_peer if judgement.job.peers else check.reference
    return [f"  check: {check.raw} / {reference} {ratio_text(judgement.check)}, by the table {low:.2f}..{high:.2f}: "
            + ("fits" if judgement.check_fits else "does not fit")]


def control_line(judgement):
    if not judgement.control:
        return []
    low, high = CONTROL_BAND
    return [f"  control: {judgement.job.programs[0]} / itself {ratio_text(judgement.control)}, "
            f"must read {low:.2f}..{high:.2f}"]


def system_call_lines(judgement):
    limits = dict(judgement.job.system_calls)
    for program, count in judgement.system_calls.items():
        outcome = judgement.system_call_outcome(program) if program in limits else None
        yield (f"  system calls per request, {program}: {count:.2f}"
               + (f"   target {outcome_text(outcome, limits[program])}" if outcome else ""))


def job_report(judgement, bench, total_rounds, status):
    lines = [title(judgement.job, bench, total_rounds), "", *figures_table(judgement, COSTS), "",
             *figures_table(judgement, SERVICE), ""]
    if judgement.quiet < total_rounds:
        used = "left out" if judgement.quiet else "shown because there are no others"
        lines.append(f"  disturbed: {total_rounds - judgement.quiet} of {total_rounds} rounds, {used}; "
                     f"others used {judgement.foreign:.2f} cores")
    lines += check_line(judgement) + control_line(judgement)
    lines += left_aligned(verdict_rows(judgement)) if judgement.verdicts else []
    lines += system_call_lines(judgement)
    lines += [f"  error: {error}" for error in judgement.errors]
    lines += [line for doubt in judgement.doubts for line in textwrap.wrap(
        f"no evidence: {doubt}", 116, initial_indent="  ", subsequent_indent="    ")]
    return "\n".join(lines + [f"  {judgement.job.name}: {STATUS_WORDS[status]}"])


def job_json(judgement, rounds, status):
    def verdict_json(verdict):
        return {"metric": verdict.target.metric, "subject": verdict.target.subject, "against": verdict.against,
                "limit": verdict.target.limit, "final_limit": verdict.target.final,
                "ratio": verdict.value and verdict.value.as_json(), "now": verdict.now and verdict.now.value,
                "final": verdict.final.value, "why": verdict.why}

    figures = {program: {metric: found.as_json() for metric, _, _ in COSTS + SERVICE
                         if (found := figure(column(judgement.rounds, program, metric)))}
               for program in judgement.job.programs}
    return {"job": judgement.job.name, "status": status, "figures": figures,
            "verdicts": [verdict_json(verdict) for verdict in judgement.verdicts],
            "check": judgement.check and judgement.check.as_json(), "check_fits": judgement.check_fits,
            "control": judgement.control and judgement.control.as_json(),
            "system_calls_per_request": judgement.system_calls,
            "no_evidence": judgement.doubts, "errors": judgement.errors, "quiet_rounds": judgement.quiet,
            "rounds": [{program: sample.as_json() for program, sample in samples.items()} for samples in rounds]}
