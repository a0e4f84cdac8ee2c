"""Races the contestants and writes what came of it. `Benchmarks/run` builds them first."""

import argparse
import contextlib
import sys
import time
from pathlib import Path

import plot
import report
import tests
from awake import processors_awake
from contestants import CONTESTANTS, ROOT

TESTS = ["unary", "stream", "half", "tail", "idle", "allocations", "decode"]


def names_from(text: str, known: list[str]) -> list[str]:
    names = text.split(",")
    unknown = [name for name in names if name not in known]
    if unknown:
        raise argparse.ArgumentTypeError(f"no {unknown[0]}; there are {', '.join(known)}")
    return names


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="Benchmarks/run", description=__doc__)
    known = [one.name for one in CONTESTANTS]
    parser.add_argument(
        "--quick", action="store_true",
        help="one round of 1 s, 64 B with 1 and 256 in flight: a few minutes instead of half an hour")
    parser.add_argument(
        "--only", type=lambda text: names_from(text, known), default=known, metavar="NAME,…",
        help=f"contestants: {', '.join(known)}")
    parser.add_argument(
        "--tests", type=lambda text: names_from(text, TESTS), default=TESTS, metavar="NAME,…",
        help=f"{', '.join(TESTS)}; half and tail need unary")
    parser.add_argument(
        "--awake", action="store_true",
        help="keep the processors from sleeping between calls, by a loop under SCHED_IDLE on each")
    parser.add_argument("--seconds", type=float, help="of each measurement, after 0.5 s of warm-up")
    parser.add_argument("--rounds", type=int, help="the median of so many counts")
    parser.add_argument("--sizes", help="bytes of text in a message: 64,1024,65536")
    parser.add_argument("--in-flight", help="calls in flight: 1,16,64,256")
    parser.add_argument(
        "--out", type=Path, default=ROOT / ".build-results", metavar="DIR",
        help="for results.json, results.md and results.svg")
    return parser.parse_args()


def integers(text: str | None, default: list[int]) -> list[int]:
    return [int(part) for part in text.split(",")] if text else default


def measure(plan: tests.Plan, names: list[str]) -> dict:
    results: dict = {}
    for test in TESTS:
        if test not in names:
            continue
        print(f"==> {test}", file=sys.stderr, flush=True)
        if test == "half":
            results[test] = tests.half_of_peak(plan, results.get("unary", {}))
        elif test == "tail":
            results[test] = tests.tail(plan, results.get("unary", {}))
        else:
            results[test] = getattr(tests, test)(plan)
    return results


def main() -> None:
    options = arguments()
    quick = options.quick
    plan = tests.Plan(
        contestants=[one for one in CONTESTANTS if one.name in options.only],
        seconds=options.seconds or (1 if quick else 2),
        rounds=options.rounds or (1 if quick else 3),
        in_flight=integers(options.in_flight, [1, 256] if quick else [1, 16, 64, 256]),
        sizes=integers(options.sizes, [64] if quick else [64, 1024, 65536]))
    started = time.time()
    with processors_awake() if options.awake else contextlib.nullcontext():
        results = measure(plan, options.tests)
    options.out.mkdir(parents=True, exist_ok=True)
    described = {
        "awake": options.awake,
        "seconds": plan.seconds, "rounds": plan.rounds,
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)),
        "contestants": {one.name: one.title for one in plan.contestants}}
    markdown = report.to_markdown(results)
    (options.out / "results.json").write_text(report.to_json(results, described))
    (options.out / "results.md").write_text(markdown)
    (options.out / "results.svg").write_text(plot.svg(results))
    print(markdown)
    print(f"written to {options.out}", file=sys.stderr)


if __name__ == "__main__":
    main()
