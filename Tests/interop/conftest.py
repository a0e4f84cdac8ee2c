"""Starts the server, and makes protobuf's message classes from the .proto file."""

import os
import pathlib
import socket
import subprocess

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

import framed_rpc as rpc
from framed_rpc import Connection

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Server:
    """framed-rpc-test-server as a process of its own; it ends with its standard input."""

    def __init__(self):
        self.process = subprocess.Popen(
            [os.environ["FRAMED_RPC_TEST_SERVER"]], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True)
        line = self.process.stdout.readline()
        assert line.startswith("listening on 127.0.0.1:"), f"the server said {line!r}"
        self.port = int(line.rsplit(":", 1)[1])

    def connect(self, **options):
        return Connection("127.0.0.1", self.port, **options)

    def begin_shutdown(self):
        self.process.stdin.close()

    def stop(self):
        self.begin_shutdown()
        assert self.process.wait(timeout=60) == 0


@pytest.fixture(scope="session")
def server():
    server = Server()
    yield server
    server.stop()


@pytest.fixture
def own_server():
    """A server that the test may stop."""
    server = Server()
    yield server
    server.stop()


@pytest.fixture
def connection(server):
    with server.connect() as connection:
        yield connection


@pytest.fixture(scope="session")
def messages():
    """framedrpc.v1's messages as classes of Google's protobuf, by name."""
    files = descriptor_pb2.FileDescriptorSet.FromString(
        subprocess.run(
            ["protoc", "-I", ROOT / "Protos", "--descriptor_set_out=/dev/stdout",
             "framedrpc/v1/testing.proto"], check=True, capture_output=True).stdout)
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)

    class Messages:
        def __getattr__(self, name):
            return message_factory.GetMessageClass(
                pool.FindMessageTypeByName(f"framedrpc.v1.{name}"))

    return Messages()


def refusal(server, data, *, hello=True):
    """What the server says to bytes that it does not allow."""
    with server.connect(wait=hello) if hello else raw(server) as connection:
        connection.send_bytes(data)
        with pytest.raises(rpc.ConnectionEnded) as ended:
            while True:
                connection.pump()
        return ended.value


def raw(server):
    """A connection that has sent nothing."""
    connection = rpc.Connection.__new__(rpc.Connection)
    connection.socket = socket.create_connection(("127.0.0.1", server.port), timeout=10)
    connection.incoming, connection.calls, connection.going_away = b"", {}, None
    connection.max_frame_bytes, connection.is_draining = 1 << 20, False
    connection.answers_pings = True
    return connection
