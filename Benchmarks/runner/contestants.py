"""The contestants, and the processes that the race starts and ends."""

import json
import os
import select
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SWIFT = ROOT / ".build" / "release"
PEERS = ROOT / ".build-peers"

START_SECONDS = 30
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Contestant:
    name: str
    title: str
    binary: Path
    streams: bool = True
    # The server sleeps without blocking when a call asks it to.
    slow_calls: bool = True
    # Has a codec whose speed `--mode decode` tells.
    decodes: bool = False
    options: tuple[str, ...] = ()
    # What its server needs beside that so that a handler may sleep.
    slow_options: tuple[str, ...] = ()
    # Connections of the open model, for those who carry one call a connection.
    open_in_flight: int = 1


CONTESTANTS = [
    Contestant("raw", "raw TCP echo (C++, epoll)", PEERS / "raw", slow_calls=False),
    Contestant(
        "raw-nio", "raw framed echo (SwiftNIO)", SWIFT / "raw-nio-peer", streams=False,
        slow_calls=False),
    Contestant(
        "raw-nio-tasks", "raw framed echo (SwiftNIO), a Swift task for each call on both sides",
        SWIFT / "raw-nio-peer", streams=False, slow_calls=False, options=("--tasks", "1")),
    Contestant(
        "framedrpc", "FramedRPC, handlers on the event loop", SWIFT / "framedrpc-peer",
        decodes=True),
    Contestant(
        "framedrpc-pool", "FramedRPC, handlers on the shared pool", SWIFT / "framedrpc-peer",
        options=("--pool", "1")),
    Contestant("grpc-cpp", "gRPC C++ (callback API)", PEERS / "grpc", decodes=True),
    Contestant("grpc-swift", "grpc-swift-2", SWIFT / "grpc-swift-peer"),
    Contestant("capnp", "Cap'n Proto RPC", PEERS / "capnp"),
    Contestant(
        "thrift", "Apache Thrift", PEERS / "thrift", streams=False,
        slow_options=("--workers", "64"), open_in_flight=256),
]


class Failure(Exception):
    """A contestant did not do what it was asked."""


def read_line(process: subprocess.Popen, seconds: float) -> str:
    ready, _, _ = select.select([process.stdout], [], [], seconds)
    line = process.stdout.readline() if ready else b""
    if not line:
        raise Failure(f"{process.args[0]} said nothing within {seconds} s")
    return line.decode().strip()


class Process:
    """A process of ours that ends when its standard input closes."""

    def __init__(self, command: list[str], environment: dict[str, str] | None = None):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={**os.environ, **(environment or {})})

    def line(self, seconds: float = START_SECONDS) -> str:
        try:
            return read_line(self.process, seconds)
        except Failure:
            self.close()
            raise

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def resident_kib(self) -> int:
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        raise Failure("no VmRSS")

    def close(self) -> None:
        self.process.stdin.close()
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


class Server(Process):
    def __init__(
        self, contestant: Contestant, slow: bool = False,
        environment: dict[str, str] | None = None
    ):
        self.contestant = contestant
        options = contestant.options + (contestant.slow_options if slow else ())
        super().__init__(
            [str(contestant.binary), "server", "--port", "0", *options], environment)
        word, port = self.line().split()
        if word != "port":
            raise Failure(f"{contestant.name} did not say its port")
        self.port = int(port)

    def client_command(self, mode: str, **options) -> list[str]:
        command = [
            str(self.contestant.binary), "client", "--port", str(self.port), "--mode", mode,
            *self.contestant.options]
        for name, value in options.items():
            command += [f"--{name.replace('_', '-')}", str(value)]
        return command

    def run(
        self, mode: str, environment: dict[str, str] | None = None, limit: float = 60, **options
    ) -> dict:
        """Runs a client to its end and returns what it measured."""
        before = self.cpu_seconds()
        command = self.client_command(mode, **options)
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, timeout=limit,
                env={**os.environ, **(environment or {})})
        except subprocess.TimeoutExpired as late:
            raise Failure(f"{self.contestant.name}: no end after {limit} s") from late
        if done.returncode != 0:
            raise Failure(
                f"{self.contestant.name} {mode}: exit {done.returncode}: "
                f"{done.stderr.decode(errors='replace').strip()[-500:]}")
        result = json.loads(done.stdout)
        if result.get("total_calls"):
            # All calls, also those of the warm-up, whose time is the server's too.
            result["server_cpu_us"] = (
                (self.cpu_seconds() - before) * 1e6 / result["total_calls"])
            result["cpu_us"] = result["server_cpu_us"] + result["client_cpu_us"]
        return result

    def idle_client(self, connections: int) -> Process:
        client = Process(self.client_command("idle", connections=connections))
        client.line(120)
        return client
