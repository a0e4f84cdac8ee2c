"""Tables for people, JSON for programs."""

import json
import os
import platform
from pathlib import Path

from contestants import CONTESTANTS

TITLES = {one.name: one.title for one in CONTESTANTS}
SIZES = {64: "64 B", 1024: "1 KiB", 65536: "64 KiB"}


def size(bytes: int) -> str:
    return SIZES.get(bytes, f"{bytes} B")


def number(value: float | None) -> str:
    if value is None:
        return "–"
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table, padded so that it reads well in a terminal too."""
    lines = [head] + rows
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]

    def text(line: list[str]) -> str:
        cells = [
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths))]
        return "| " + " | ".join(cells) + " |"

    rule = "|" + "|".join(
        "-" * (width + 1) + ("-" if column == 0 else ":")
        for column, width in enumerate(widths)) + "|"
    return "\n".join([text(head), rule] + [text(row) for row in rows])


def names(results: dict) -> list[str]:
    present = {name for name, _ in results}
    return [one.name for one in CONTESTANTS if one.name in present]


def cells(results: dict) -> list:
    return list(dict.fromkeys(cell for _, cell in results))


def grid(results: dict, field: str, heading) -> str:
    columns = cells(results)
    rows = [
        [name] + [number(results.get((name, cell), {}).get(field)) for cell in columns]
        for name in names(results)]
    return table([""] + [heading(cell) for cell in columns], rows)


def fields(results: dict, cell, columns: list[tuple[str, str]]) -> str:
    rows = [
        [name] + [number(results[(name, cell)].get(field)) for _, field in columns]
        for name in names(results) if (name, cell) in results]
    return table([""] + [title for title, _ in columns], rows)


def unary_sections(results: dict) -> list[tuple[str, str]]:
    sections = []
    for bytes in dict.fromkeys(bytes for bytes, _ in cells(results)):
        part = {key: value for key, value in results.items() if key[1][0] == bytes}
        sections.append((
            f"Unary, {size(bytes)}: calls a second by calls in flight",
            grid(part, "per_second", lambda cell: str(cell[1]))))
        sections.append((
            f"Unary, {size(bytes)}: p50 in µs", grid(part, "p50", lambda cell: str(cell[1]))))
    cell = next(
        (cell for cell in ((64, 256), *reversed(cells(results))) if cell in cells(results)), None)
    if cell:
        sections.append((
            f"Processor time of a call, µs ({size(cell[0])}, {cell[1]} in flight), and the spread "
            "of the rounds",
            fields(results, cell, [
                ("client", "client_cpu_us"), ("server", "server_cpu_us"), ("both", "cpu_us"),
                ("lowest calls/s", "lowest"), ("highest", "highest")])))
    return sections


LATENCY = [
    ("calls/s", "rate"), ("reached", "per_second"), ("p50 µs", "p50"), ("p90", "p90"), ("p99", "p99"), ("p99.9", "p999")]


def tail_section(results: dict) -> str:
    rows = []
    for name in names(results):
        without, with_slow = results.get((name, 0)), results.get((name, 1))
        if not without or not with_slow:
            continue
        rows.append([name, number(without["rate"])] + [
            number(value) for field in ("p50", "p90", "p99")
            for value in (without[field], with_slow[field])] + [number(with_slow.get("slow_p50"))])
    return table(
        ["", "calls/s", "p50 without", "with", "p90 without", "with", "p99 without", "with",
         "slow ones' p50"], rows)


def ratio(results: dict, one: str, other: str, cell, field: str = "per_second") -> float | None:
    a, b = results.get((one, cell)), results.get((other, cell))
    return a[field] / b[field] if a and b and b[field] else None


def aims(all_results: dict) -> str:
    """The aims of the project beside what was measured."""
    unary = all_results.get("unary", {})
    rows = []

    def add(what: str, aim: str, value: float | None, unit: str, met) -> None:
        if value is not None:
            rows.append([what, aim, number(value) + unit, "yes" if met(value) else "no"])

    peak = (64, 256)
    add("calls/s at 256 in flight, to gRPC C++", "≥ 10×",
        ratio(unary, "framedrpc", "grpc-cpp", peak), "×", lambda value: value >= 10)
    add("… to grpc-swift-2", "≥ 50×",
        ratio(unary, "framedrpc", "grpc-swift", peak), "×", lambda value: value >= 50)
    share = ratio(unary, "framedrpc", "raw-nio", peak)
    add("… to the raw framed echo on SwiftNIO", "≥ 50 %",
        None if share is None else share * 100, " %", lambda value: value >= 50)
    with_tasks = ratio(unary, "framedrpc", "raw-nio-tasks", peak)
    if with_tasks is not None:
        rows.append(
            ["… to the same echo with a Swift task for each call on both sides", "none",
             number(with_tasks * 100) + " %", ""])
    for other, aim in (("grpc-cpp", 10), ("grpc-swift", 50)):
        add(f"processor time of a call to that of {other}, both sides", f"≤ 1/{aim}",
            ratio(unary, other, "framedrpc", peak, "cpu_us"), " times less",
            lambda value, aim=aim: value >= aim)
    ours, floor = unary.get(("framedrpc", (64, 1))), unary.get(("raw", (64, 1)))
    if ours and floor:
        add("one in flight, p50 over the raw TCP echo's", "≤ 15 µs", ours["p50"] - floor["p50"],
            " µs", lambda value: value <= 15)
    for (name, in_flight), counts in all_results.get("allocations", {}).items():
        if name == "framedrpc":
            for side in ("client", "server"):
                add(f"heap allocations a call, {side}, {in_flight} in flight", "≤ 4",
                    counts[side], "", lambda value: value <= 4.005)
    decoded = all_results.get("decode", {}).get(("framedrpc", "request"))
    if decoded:
        add("decoding the 40-byte request into protobuf-c's struct", "≤ 40 ns",
            decoded["struct_nanoseconds"], " ns", lambda value: value <= 40)
    return table(["aim", "", "measured", "met"], rows) if rows else ""


def sections(all_results: dict) -> list[tuple[str, str]]:
    """Title and table of everything that was measured."""
    found = []
    results = all_results.get
    if results("unary"):
        found += unary_sections(results("unary"))
    if results("stream"):
        found.append((
            "Server streaming, one stream: messages a second",
            grid(results("stream"), "per_second", size)))
        found.append((
            "Server streaming, one stream: MB/s", grid(results("stream"), "mb_per_second", size)))
    if results("half"):
        found.append((
            "Latency at half of the own peak (open model, 64 B)",
            fields(results("half"), "own half", LATENCY)))
        found.append((
            "Latency at one rate for all (open model, 64 B)",
            fields(results("half"), "common", LATENCY)))
    if results("tail"):
        found.append((
            "1 % of the calls sleep 10 ms: latency of the other 99 %, µs",
            tail_section(results("tail"))))
    if results("idle"):
        found.append((
            "1,000 idle connections",
            fields(results("idle"), cells(results("idle"))[0], [
                ("server KiB", "server_kib"), ("client KiB, in all", "client_kib"),
                ("server ms CPU a second", "server_cpu_ms_per_s"),
                ("client", "client_cpu_ms_per_s")])))
    if results("allocations"):
        for in_flight in cells(results("allocations")):
            found.append((
                f"Heap allocations of a unary call, {in_flight} in flight",
                fields(results("allocations"), in_flight, [
                    ("client", "client"), ("server", "server")])))
    if results("decode"):
        found.append((
            "Decoding the 40-byte request, ns",
            fields(results("decode"), "request", [
                ("into the value", "nanoseconds"),
                ("into protobuf-c's struct", "struct_nanoseconds")])))
    reached = aims(all_results)
    if reached:
        found.append(("FramedRPC's aims", reached))
    return found


def machine() -> dict:
    cpu = next(
        (line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
         if line.startswith("model name")), platform.machine())
    return {"cores": os.cpu_count(), "cpu": cpu, "kernel": platform.release()}


def to_json(all_results: dict, plan: dict) -> str:
    tests = {
        test: [{"contestant": name, "cell": cell, **values}
               for (name, cell), values in results.items()]
        for test, results in all_results.items()}
    return json.dumps({"machine": machine(), "plan": plan, "tests": tests}, indent=1)


def to_markdown(all_results: dict) -> str:
    return "\n\n".join(f"**{title}**\n\n{text}" for title, text in sections(all_results)) + "\n"
