"""The plot: calls a second by calls in flight, and latency at half of the peak. Plain SVG."""

import math
from html import escape

from report import names, number

# Readable on white and told apart by people who see colours differently (Okabe and Ito).
COLOURS = {
    "raw": "#999999", "raw-nio": "#666666", "raw-nio-tasks": "#333333",
    "framedrpc": "#D55E00", "framedrpc-pool": "#E69F00",
    "grpc-cpp": "#0072B2", "grpc-swift": "#56B4E9", "capnp": "#009E73", "thrift": "#CC79A7",
}
WIDTH, HEIGHT = 960, 420
LEFT, TOP, BOTTOM = 90, 50, 60


def text(x: float, y: float, content: str, anchor: str = "start", more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {more}>{escape(content)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, colour: str, width: float = 1) -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
        f'stroke-width="{width}"/>')


class LogAxis:
    """From a power of ten to a power of ten, drawn upwards."""

    def __init__(self, values: list[float], bottom: float, top: float):
        self.low = math.floor(math.log10(min(values)))
        self.high = max(math.ceil(math.log10(max(values))), self.low + 1)
        self.bottom, self.top = bottom, top

    def at(self, value: float) -> float:
        part = (math.log10(value) - self.low) / (self.high - self.low)
        return self.bottom + part * (self.top - self.bottom)

    def ticks(self) -> list[int]:
        return [10 ** power for power in range(self.low, self.high + 1)]


def throughput(results: dict, left: float, width: float) -> list[str]:
    points = {
        name: sorted(
            (cell[1], value["per_second"]) for (other, cell), value in results.items()
            if other == name and cell[0] == 64)
        for name in names(results)}
    points = {name: values for name, values in points.items() if values}
    if not points:
        return []
    levels = sorted({level for values in points.values() for level, _ in values})
    axis = LogAxis(
        [value for values in points.values() for _, value in values], HEIGHT - BOTTOM, TOP)
    steps = max(len(levels) - 1, 1)

    def x(level: int) -> float:
        return left + 20 + levels.index(level) * (width - 40) / steps

    parts = [text(left, TOP - 20, "Unary calls a second, 64 B", more='font-weight="bold"')]
    for tick in axis.ticks():
        parts.append(line(left, axis.at(tick), left + width, axis.at(tick), "#dddddd"))
        parts.append(text(left - 8, axis.at(tick) + 4, f"{tick:,}", "end"))
    for level in levels:
        parts.append(text(x(level), HEIGHT - BOTTOM + 18, str(level), "middle"))
    parts.append(text(left + width / 2, HEIGHT - BOTTOM + 38, "calls in flight", "middle"))
    for name, values in points.items():
        path = " ".join(f"{x(level):.1f},{axis.at(value):.1f}" for level, value in values)
        width_of_line = 3 if name == "framedrpc" else 1.8
        parts.append(
            f'<polyline points="{path}" fill="none" stroke="{COLOURS[name]}" '
            f'stroke-width="{width_of_line}"/>')
        for level, value in values:
            parts.append(
                f'<circle cx="{x(level):.1f}" cy="{axis.at(value):.1f}" r="3.5" '
                f'fill="{COLOURS[name]}"/>')
    return parts


def latency(results: dict, left: float, width: float) -> list[str]:
    rows = [
        (name, results[(name, "own half")]) for name in names(results)
        if (name, "own half") in results]
    if not rows:
        return []
    axis = LogAxis(
        [value[field] for _, value in rows for field in ("p50", "p99") if value[field] > 0],
        left, left + width)
    parts = [text(
        left, TOP - 20, "Latency at half of the own peak: p50 to p99, µs",
        more='font-weight="bold"')]
    for tick in axis.ticks():
        parts.append(line(axis.at(tick), TOP, axis.at(tick), HEIGHT - BOTTOM, "#dddddd"))
        parts.append(text(axis.at(tick), HEIGHT - BOTTOM + 18, f"{tick:,}", "middle"))
    step = (HEIGHT - BOTTOM - TOP) / len(rows)
    for index, (name, value) in enumerate(rows):
        y = TOP + (index + 0.62) * step
        parts.append(
            line(axis.at(value["p50"]), y, axis.at(value["p99"]), y, COLOURS[name], 5))
        parts.append(
            f'<circle cx="{axis.at(value["p50"]):.1f}" cy="{y:.1f}" r="6" '
            f'fill="{COLOURS[name]}"/>')
        parts.append(text(
            left, y - 9, f"{name} at {number(value['rate'])} calls/s",
            more=f'fill="{COLOURS[name]}"'))
    return parts


def svg(all_results: dict) -> str:
    half = (WIDTH - LEFT) / 2
    unary, half_results = all_results.get("unary", {}), all_results.get("half", {})
    parts = throughput(unary, LEFT, half - 60) + latency(half_results, LEFT + half + 10, half - 40)
    x = float(LEFT)
    for name in names(unary):
        parts.append(f'<circle cx="{x:.1f}" cy="{HEIGHT - 8}" r="5" fill="{COLOURS[name]}"/>')
        parts.append(text(x + 9, HEIGHT - 4, name))
        x += 30 + 7 * len(name)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="12">\n'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>\n'
        + "\n".join(parts) + "\n</svg>\n")
