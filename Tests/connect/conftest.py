"""Starts Sugang, and makes protobuf's message classes from the .proto files."""

import os
import pathlib
import random
import signal
import socket
import subprocess
import time
import urllib.request

import pytest
from connectrpc.client import ConnectClientSync
from connectrpc.compat import google_protobuf_binary_codec, google_protobuf_json_codec
from connectrpc.method import IdempotencyLevel, MethodInfo, StreamType
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

ROOT = pathlib.Path(__file__).resolve().parents[2]
REST_PORTS = [8081, 8082, 8083, 8084, 8085, 8087, 8088, 8091]
GATEWAY = 8088
READY_SECONDS = 60


def is_free(port):
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


def free_offset():
    for _ in range(200):
        offset = random.randint(1_000, 20_000)
        if all(is_free(port + offset) and is_free(port + 1_000 + offset) for port in REST_PORTS):
            return offset
    raise RuntimeError("no free ports")


@pytest.fixture(scope="session")
def gateway(tmp_path_factory):
    """The address of the gateway of a system of its own."""
    offset = free_offset()
    process = subprocess.Popen(
        [os.environ["SUGANG"], "up", "--in-process", "--data", tmp_path_factory.mktemp("data"),
         "--port-offset", str(offset), "--log-level", "error"], stdout=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{GATEWAY + offset}"
    try:
        wait_until_ready(process, url)
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def wait_until_ready(process, url):
    end = time.monotonic() + READY_SECONDS
    while True:
        assert process.poll() is None, "sugang has ended"
        try:
            with urllib.request.urlopen(url + "/readyz", timeout=5):
                return
        except OSError:
            assert time.monotonic() < end, "sugang does not become ready"
            time.sleep(0.1)


@pytest.fixture(scope="session")
def schema():
    """All messages and services of Protos."""
    protos = [str(path.relative_to(ROOT / "Protos")) for path in (ROOT / "Protos").rglob("*.proto")]
    files = descriptor_pb2.FileDescriptorSet.FromString(
        subprocess.run(
            ["protoc", "-I", ROOT / "Protos", "--descriptor_set_out=/dev/stdout",
             "--include_imports", *protos], check=True, capture_output=True).stdout)
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    return pool


@pytest.fixture(params=["proto", "json"])
def client(request, gateway, schema):
    """The Connect client of connectrpc, in its own settings but for the codec."""
    codec = {"proto": google_protobuf_binary_codec, "json": google_protobuf_json_codec}
    with ConnectClientSync(gateway, codec=codec[request.param]()) as client:
        yield Caller(client, schema)


class Caller:
    def __init__(self, client, pool):
        self.client = client
        self.pool = pool

    def __call__(self, name, /, headers=None, timeout_ms=None, **fields):
        """Calls a method by its whole name."""
        service, _, method = name.partition("/")
        descriptor = self.pool.FindServiceByName(service).FindMethodByName(method)
        request = message_factory.GetMessageClass(descriptor.input_type)
        info = MethodInfo(
            name=method, service_name=service, input=request,
            output=message_factory.GetMessageClass(descriptor.output_type),
            idempotency_level=IdempotencyLevel.UNKNOWN, stream_type=StreamType.UNARY)
        return self.client.execute_unary(
            request=request(**fields), method=info, headers=headers, timeout_ms=timeout_ms)
