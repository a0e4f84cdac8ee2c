"""What is measured. Every test takes the contestants in turns, round by round, so that whatever
else the machine does meets all of them; the result is the median of the rounds."""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from contestants import PEERS, Contestant, Failure, Server

IDLE_CONNECTIONS = 1000


@dataclass
class Plan:
    contestants: list[Contestant]
    seconds: float
    rounds: int
    in_flight: list[int]
    sizes: list[int]


def note(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)


def median_of(results: list[dict]) -> dict:
    """The median of each number, and the spread of the first one that matters."""
    medians = {
        name: statistics.median(result[name] for result in results)
        for name, value in results[0].items()
        if isinstance(value, (int, float)) and all(name in result for result in results)
    }
    rates = [result["per_second"] for result in results if "per_second" in result]
    if rates:
        medians["lowest"], medians["highest"] = min(rates), max(rates)
    return medians


def in_turns(
    plan: Plan, contestants: Iterable[Contestant], cells: list, measure: Callable,
    slow: bool = False
) -> dict:
    """Measures every cell with every contestant, in turns. Results by contestant and cell."""
    contestants = list(contestants)
    servers: list[Server] = []
    results: dict = {}
    try:
        for contestant in contestants:
            servers.append(Server(contestant, slow=slow))
        for cell in cells:
            for round_number in range(plan.rounds):
                note(f"{cell}, round {round_number + 1} of {plan.rounds}")
                # Every other round backwards, so that nobody always follows the same neighbour.
                for server in servers if round_number % 2 == 0 else reversed(servers):
                    key = (server.contestant.name, cell)
                    if results.get(key) == []:
                        continue
                    try:
                        results.setdefault(key, []).append(measure(server, cell))
                    except Failure as failure:
                        note(f"{failure}")
                        results[key] = []
    finally:
        for server in servers:
            server.close()
    return {key: median_of(rounds) for key, rounds in results.items() if rounds}


def unary(plan: Plan) -> dict:
    cells = [(bytes, in_flight) for bytes in plan.sizes for in_flight in plan.in_flight]
    return in_turns(
        plan, plan.contestants, cells,
        lambda server, cell: server.run(
            "unary", seconds=plan.seconds, bytes=cell[0], in_flight=cell[1]))


def stream(plan: Plan) -> dict:
    return in_turns(
        plan, [one for one in plan.contestants if one.streams], plan.sizes,
        lambda server, bytes: server.run("stream", seconds=plan.seconds, bytes=bytes))


def peak(unary_results: dict, name: str) -> float | None:
    """Calls a second of the contestant at its best number in flight, 64 B."""
    rates = [
        cell["per_second"] for (contestant, (bytes, _)), cell in unary_results.items()
        if contestant == name and bytes == 64]
    return max(rates, default=None)


def half_of_peak(plan: Plan, unary_results: dict) -> dict:
    """Latency of an open model at half of the contestant's own peak, and at one rate for all."""
    peaks = {one.name: peak(unary_results, one.name) for one in plan.contestants}
    racing = [one for one in plan.contestants if peaks[one.name]]
    # One rate that everybody can serve: half of what the slowest can.
    common = min((peaks[one.name] for one in racing), default=0) / 2

    def measure(server: Server, cell: str) -> dict:
        rate = common if cell == "common" else peaks[server.contestant.name] / 2
        result = server.run(
            "rate", seconds=plan.seconds, rate=rate,
            in_flight=server.contestant.open_in_flight)
        return {**result, "rate": rate}

    return in_turns(plan, racing, ["own half", "common"], measure)


def tail(plan: Plan, unary_results: dict) -> dict:
    """1 % of the calls sleep 10 ms in their handler: the other 99 % should not notice."""
    racing = [
        one for one in plan.contestants if one.slow_calls and peak(unary_results, one.name)]

    def measure(server: Server, percent: int) -> dict:
        # A quarter of the peak: thrift's pool of 64 could not sleep more of them.
        rate = min(peak(unary_results, server.contestant.name) / 4, 100_000)
        result = server.run(
            "rate", seconds=plan.seconds, rate=rate, slow_percent=percent, slow_ms=10,
            in_flight=server.contestant.open_in_flight)
        return {**result, "rate": rate}

    return in_turns(plan, racing, [0, 1], measure, slow=True)


def idle(plan: Plan) -> dict:
    """What 1,000 connections cost that do nothing: memory of both sides, processor time."""
    results = {}
    for contestant in plan.contestants:
        server = Server(contestant)
        try:
            # Whatever the first call loads is not the connections' doing.
            server.idle_client(1).close()
            before = server.resident_kib()
            client = server.idle_client(IDLE_CONNECTIONS)
            try:
                resident = server.resident_kib() - before
                seconds = max(plan.seconds, 2)
                server_cpu, client_cpu = server.cpu_seconds(), client.cpu_seconds()
                time.sleep(seconds)
                results[(contestant.name, IDLE_CONNECTIONS)] = {
                    "server_kib": resident,
                    "client_kib": client.resident_kib(),
                    "server_cpu_ms_per_s":
                        (server.cpu_seconds() - server_cpu) * 1e3 / seconds,
                    "client_cpu_ms_per_s":
                        (client.cpu_seconds() - client_cpu) * 1e3 / seconds,
                }
            finally:
                client.close()
        except Failure as failure:
            note(f"{failure}")
        finally:
            server.close()
    return results


def allocations(plan: Plan) -> dict:
    """Heap allocations of one more call: two runs of a client, one of them longer."""
    few, many = 4000, 12_000
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        def environment(side: str) -> dict[str, str]:
            return {
                "LD_PRELOAD": str(PEERS / "malloc_count.so"),
                "MALLOC_COUNT_FILE": str(Path(folder) / side)}

        def count(side: str) -> int:
            return int.from_bytes((Path(folder) / side).read_bytes()[:8], "little")

        for contestant in plan.contestants:
            for in_flight in (1, 64):
                server = Server(contestant, environment=environment("server"))
                try:
                    counts = []
                    for calls in (few, few, many):
                        server_before = count("server")
                        (Path(folder) / "client").unlink(missing_ok=True)
                        result = server.run(
                            "unary", environment("client"), calls=calls, bytes=64,
                            in_flight=in_flight)
                        counts.append(
                            (result["total_calls"], count("client"),
                             count("server") - server_before))
                    # The first run warmed the server's pools.
                    (calls1, client1, server1), (calls2, client2, server2) = counts[1:]
                    results[(contestant.name, in_flight)] = {
                        "client": (client2 - client1) / (calls2 - calls1),
                        "server": (server2 - server1) / (calls2 - calls1)}
                except Failure as failure:
                    note(f"{failure}")
                finally:
                    server.close()
    return results


def decode(plan: Plan) -> dict:
    return in_turns(
        plan, [one for one in plan.contestants if one.decodes and not one.options], ["request"],
        lambda server, _: server.run("decode"))
