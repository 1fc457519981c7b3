#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs shoal's programs, raw programs without a framework, and well-known peers side by side on this machine, and says
whether ours reach their targets. docs/comparison.md tells how to read the result.

Environment: HAPROXY= and NGINX= name other programs than the PATH's.
Exit status: 0 targets met, 1 something failed, 2 usage, 5 slower than a target, 6 not enough evidence.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import platform
import shutil
import signal
import sys

import jobs
import judge
import report
from measure import Bench, cool_down, measure, served, system_calls_per_request
from processes import MeasurementError
from programs import catalogue

DOES_NOT_RUN = "does not run"
ROOT = pathlib.Path(__file__).resolve().parents[2]


def arguments(argv):
    parser = argparse.ArgumentParser(prog="compare", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    names = ", ".join(job.name + (" (only if named)" if job.optional else "") for job in jobs.JOBS)
    parser.add_argument("jobs", nargs="*", metavar="JOB", help=names)
    parser.add_argument("--rounds", type=positive(int), default=jobs.ENOUGH_ROUNDS, help="default %(default)s")
    parser.add_argument("--seconds", type=positive(float), default=jobs.ENOUGH_SECONDS,
                        help="of each measurement, default %(default)s")
    parser.add_argument("--quick", action="store_true", help="3 rounds of 1 s: a look, never evidence")
    parser.add_argument("--control", nargs="?", const="", metavar="PROGRAM",
                        help="a program against itself, by default the raw one: must read 0.95-1.05")
    parser.add_argument("--programs", metavar="A,B", help="these instead of the job's own")
    parser.add_argument("--final", action="store_true", help="the final targets decide the exit status")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write everything measured to FILE")
    parser.add_argument("--server-cpu", type=int, default=0, metavar="N", help="default %(default)s")
    parser.add_argument("--load-cpu", type=int, default=1, metavar="N", help="default %(default)s")
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "build/release/bin", metavar="DIRECTORY",
                        help="where our programs are")
    options = parser.parse_args(argv)
    if unknown := [name for name in options.jobs if not jobs.named(name)]:
        parser.error(f"no job {unknown[0]!r}; there are {names}")
    options.bin = options.bin.resolve()
    programs = catalogue(options.bin)
    chosen = (options.programs or "").split(",") + [options.control or ""]
    if unknown := [name for name in chosen if name and name not in programs]:
        parser.error(f"no program {unknown[0]!r}; there are {', '.join(programs)}")
    allowed = os.sched_getaffinity(0)
    if options.server_cpu == options.load_cpu or not {options.server_cpu, options.load_cpu} <= allowed:
        parser.error(f"--server-cpu and --load-cpu must be two of the usable ones: {sorted(allowed)}")
    if options.quick:
        options.rounds, options.seconds = 3, 1.0
    return options, programs


def positive(kind):
    def number(text):
        value = kind(text)
        if not value > 0:
            raise argparse.ArgumentTypeError(f"{text} is not above 0")
        return value
    return number


def chosen_jobs(options):
    """The jobs to run, with the programs that the options ask for."""
    picked = [jobs.named(name) for name in options.jobs] or [job for job in jobs.JOBS if not job.optional]
    if options.control is not None:
        return [jobs.control_of(job, options.control or job.raw) for job in picked]
    if options.programs:
        return [dataclasses.replace(job, programs=tuple(options.programs.split(","))) for job in picked]
    return picked


def say(text):
    """Where we are, rewritten in place; nothing of it in a file."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def run_rounds(job, bench, programs, options):
    """Rounds of all programs in turn, A B A B. Disturbed rounds are repeated, up to as many again."""
    rounds = []
    most = options.rounds if options.quick else 2 * options.rounds
    while len(rounds) < most:
        samples = {}
        for name in job.programs:
            say(f"{job.name}: round {len(rounds) + 1} of {options.rounds}, {name}")
            samples[name] = measure(bench, job, programs[name.removesuffix(jobs.AGAIN)])
            cool_down()
        rounds.append(samples)
        if sum(judge.is_quiet(samples) for samples in rounds) == options.rounds:
            break
    say("")
    return rounds


def absent(job, bench, programs):
    """What cannot take part, as {program: why}. Those that are here are started once to see."""
    found = {}
    for name in job.programs:
        program = programs[name.removesuffix(jobs.AGAIN)]
        try:
            if program.path:
                with served(bench, job, program):
                    pass
            else:
                found[name] = f"is not here: {program.advice}"
        except MeasurementError as error:
            found[name] = f"{DOES_NOT_RUN}: {error}"
    return found


def run_job(job, bench, programs, options):
    """Measures, prints, and returns (exit status, JSON object)."""
    missing = absent(job, bench, programs)
    for name, why in missing.items():
        print(f"{job.name}: {name} {why}", flush=True)
    present = dataclasses.replace(job, programs=tuple(name for name in job.programs if name not in missing))
    if not present.programs:
        return judge.FAILED, {"job": job.name, "status": judge.FAILED, "missing": missing}
    rounds = run_rounds(present, bench, programs, options)
    strace = shutil.which("strace")
    system_calls = {name: system_calls_per_request(bench, job, programs[name], strace)
                    for name in present.programs if job.system_calls and strace}
    judgement = judge.judge(present, rounds, options.seconds, options.quick, system_calls)
    status = judgement.status(options.final)
    if any(why.startswith(DOES_NOT_RUN) for why in missing.values()):
        status = judge.FAILED
    print(report.job_report(judgement, bench, len(rounds), status), end="\n\n", flush=True)
    return status, report.job_json(judgement, rounds, status) | {"missing": missing}


def machine():
    model = "unknown processor"
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return {"processor": model, "cpus": os.cpu_count(), "kernel": platform.release(),
            "load_average": os.getloadavg()[0]}


def introduction(about, used):
    lines = [f"{about['processor']}, {about['cpus']} cpus, Linux {about['kernel']}, "
             f"load average before the start {about['load_average']:.2f}"]
    versions = dict.fromkeys(program.version for program in used if program.version)
    return "\n".join(lines + [f"  {version}" for version in versions])


def compare(options, programs):
    tools = {name: options.bin / name for name in ("bench_load", "raw_epoll_echo")}
    for path in tools.values():
        if not os.access(path, os.X_OK):
            raise MeasurementError(f"{path} is not here: ./scripts/build release compare_programs")
    bench = Bench(str(tools["bench_load"]), str(tools["raw_epoll_echo"]), options.server_cpu, options.load_cpu,
                  options.seconds)
    picked = chosen_jobs(options)
    about = machine()
    names = dict.fromkeys(name.removesuffix(jobs.AGAIN) for job in picked for name in job.programs)
    print(introduction(about, [programs[name] for name in names]), end="\n\n", flush=True)
    results = [run_job(job, bench, programs, options) for job in picked]
    if options.json:
        versions = {name: {"path": programs[name].path, "version": programs[name].version} for name in names}
        document = {"machine": about, "programs": versions, "quick": options.quick,
                    "jobs": [result for _, result in results]}
        options.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return judge.worst(status for status, _ in results)


def main():
    options, programs = arguments(sys.argv[1:])
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that both ways out stop what was started
    try:
        return compare(options, programs)
    except MeasurementError as error:
        say("")
        print(f"compare: {error}", file=sys.stderr)
        return judge.FAILED
    except KeyboardInterrupt:
        say("")
        print("compare: interrupted, everything is stopped", file=sys.stderr)
        return judge.FAILED


if __name__ == "__main__":
    sys.exit(main())
