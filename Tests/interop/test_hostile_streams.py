"""What a client of streams may not do, and what it may do and should not: the server says why or
does not mind, and the others notice nothing."""

import struct

import pytest

import framed_rpc as rpc
from conftest import refusal
from framed_rpc import Frame, RPCError, Streaming
from test_streams import CHAT, DOWNLOAD, ECHO, UPLOAD, Service

DEAF = b"\x2a\x04deaf"  # StreamRequest {text: "deaf"}
# Chat on stream 4, whose handler reads one message and then waits.
OPEN = Frame(rpc.REQUEST, rpc.MSG, 4, 4, 0, DEAF).encode()


def data(flags, body=b"", stream=4):
    return Frame(rpc.DATA, flags, stream=stream, body=body).encode()


def first_chunk(total, body):
    return data(rpc.MSG | rpc.MORE, struct.pack("<I", total) + body)


@pytest.fixture
def other(server, messages):
    """Another client, who has a stream and is still served afterwards."""
    with server.connect() as connection:
        service = Service(connection, messages)
        call = connection.open(CHAT)
        call.send(service.request(sizes=[1]))
        assert len(service.answer(call.receive()).body) == 1
        yield
        call.send(service.request(sizes=[2]), end=True)
        assert service.sizes(call) == [2]


BAD = {
    "DATA after END": (OPEN + data(rpc.END) + data(rpc.MSG), rpc.UNEXPECTED_FRAME),
    "END twice": (OPEN + data(rpc.MSG | rpc.END) + data(rpc.END), rpc.UNEXPECTED_FRAME),
    "END within a message": (
        OPEN + first_chunk(10, b"abc") + data(rpc.END), rpc.MALFORMED_FRAME),
    "MORE and END": (OPEN + data(rpc.MSG | rpc.MORE | rpc.END, bytes(9)), rpc.MALFORMED_FRAME),
    "MORE without MSG": (OPEN + data(rpc.MORE, bytes(9)), rpc.MALFORMED_FRAME),
    "no flags": (OPEN + data(0), rpc.MALFORMED_FRAME),
    "END with a body": (OPEN + data(rpc.END, b"x"), rpc.MALFORMED_FRAME),
    "total without bytes": (OPEN + first_chunk(10, b""), rpc.MALFORMED_FRAME),
    "total cut off": (OPEN + data(rpc.MSG | rpc.MORE, b"\1\0"), rpc.MALFORMED_FRAME),
    "total that is reached at once": (OPEN + first_chunk(3, b"abc"), rpc.MALFORMED_FRAME),
    "total that is too small": (
        OPEN + first_chunk(5, b"abc") + data(rpc.MSG, b"defg"), rpc.MALFORMED_FRAME),
    "total that is too large": (
        OPEN + first_chunk(9, b"abc") + data(rpc.MSG, b"defg"), rpc.MALFORMED_FRAME),
    "more than the total, and more to come": (
        OPEN + first_chunk(5, b"abc") + data(rpc.MSG | rpc.MORE, b"defg"), rpc.MALFORMED_FRAME),
    "a client's metadata in DATA": (
        OPEN + data(rpc.META, rpc.encode_metadata([("a", "b")])), rpc.MALFORMED_FRAME),
    "metadata and a message": (
        OPEN + data(rpc.META | rpc.MSG, rpc.encode_metadata([])), rpc.MALFORMED_FRAME),
    "WINDOW cut off": (OPEN + Frame(rpc.WINDOW, stream=4, body=bytes(7)).encode(),
                       rpc.MALFORMED_FRAME),
    "WINDOW with flags": (Frame(rpc.WINDOW, rpc.END, body=bytes(8)).encode(), rpc.RESERVED_FLAG),
    "REQUEST with MORE": (Frame(rpc.REQUEST, rpc.MSG | rpc.MORE, 4, 4).encode(),
                          rpc.RESERVED_FLAG),
    "stream opened twice": (OPEN + OPEN, rpc.STREAM_IN_USE),
    "window of the stream overrun": (
        OPEN + data(rpc.MSG, bytes(65_536)) * 5, rpc.FLOW_CONTROL),
    "window of the connection overrun": (
        b"".join(
            Frame(rpc.REQUEST, rpc.MSG, 4, stream, 0, DEAF).encode()
            + data(rpc.MSG, bytes(65_536), stream) * 3 for stream in range(380)),
        rpc.FLOW_CONTROL),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_not_allowed_ends_the_connection(server, other, name):
    sent, reason = BAD[name]
    ended = refusal(server, sent)
    assert ended.reason == reason
    assert ended.message


@pytest.mark.parametrize("sent, reason", [
    (Frame(rpc.REQUEST, 0, 4, 4).encode(), rpc.MALFORMED_FRAME),
    (Frame(rpc.REQUEST, rpc.MSG, 4, 4).encode(), rpc.MALFORMED_FRAME),
    (Frame(rpc.REQUEST, rpc.END, 4, 4).encode(), rpc.MALFORMED_FRAME),
    (data(rpc.MSG), rpc.UNEXPECTED_FRAME),
    (Frame(rpc.WINDOW, aux=1, body=bytes(8)).encode(), rpc.UNEXPECTED_FRAME),
], ids=["no MSG, no END", "no END", "no MSG", "DATA", "WINDOW"])
def test_a_client_without_streams_may_not(server, sent, reason):
    with server.connect(streaming=None) as connection:
        connection.send_bytes(sent)
        with pytest.raises(rpc.ConnectionEnded) as ended:
            while True:
                connection.pump()
        assert ended.value.reason == reason


def test_unknown_streams_and_late_frames_are_ignored(server, messages):
    with server.connect() as connection:
        service = Service(connection, messages)
        call = connection.open(CHAT)
        call.send(service.request(sizes=[1]), end=True)
        assert service.sizes(call) == [1]
        for flags in [rpc.MSG, rpc.END, rpc.MSG | rpc.MORE]:
            connection.send(Frame(rpc.DATA, flags, stream=call.stream, body=b""))
            connection.send(Frame(rpc.DATA, flags, stream=0xFFFFFFFF, body=b""))
        connection.send(Frame(rpc.RESET, code=1, stream=call.stream))
        connection.send(Frame(rpc.RESET, code=1, stream=77))
        connection.send_window(call.stream, rpc.OF_STREAM, 1 << 62)
        connection.send_window(77, rpc.OF_STREAM, 1 << 62)
        connection.send_window(77, 9, 1 << 62)
        assert connection.ping(b"alive") == b"alive"
        assert service.sizes(service.download(sizes=[5])) == [5]


def test_data_of_a_call_that_is_over_counts(server, messages):
    """And is granted again: otherwise a connection would dry up."""
    with server.connect() as connection:
        frame = data(rpc.MSG, bytes(65_536), stream=9)
        for _ in range(400):
            while not connection.credit.allows(rpc.cost(65_536)):
                connection.pump()
            connection.credit.used += rpc.cost(65_536)
            connection.send_bytes(frame)
        assert connection.ping(b"alive") == b"alive"


def test_data_for_a_unary_call_is_dropped(server, messages):
    with server.connect() as connection:
        slow = messages.EchoRequest(number=7, delay_ms=50).SerializeToString()
        call = connection.start(ECHO, slow)
        connection.send(Frame(rpc.DATA, rpc.MSG, stream=call.stream, body=b"x"))
        assert messages.EchoResponse.FromString(call.result()).number == 7


def test_slow_reader_gets_no_more_than_it_allowed(server, other, messages):
    with server.connect(streaming=Streaming(stream_window=131_072)) as connection:
        connection.grants = False
        service = Service(connection, messages)
        calls = [service.download(sizes=[60_000], text="endless") for _ in range(50)]
        while any(call.allowance.limit - call.allowance.received > 60_100 for call in calls):
            if connection.allowance.limit - connection.allowance.received < 60_100:
                break
            connection.pump()
        assert connection.ping(b"alive") == b"alive"
        assert sum(call.allowance.received for call in calls) <= 4 * 1024 * 1024


def test_client_that_reads_nothing_at_all(server, other, messages):
    """Its socket is full, too: the server stops, and serves the others."""
    connection = server.connect(
        streaming=Streaming(stream_window=1 << 30, connection_window=1 << 30))
    with connection:
        service = Service(connection, messages)
        for _ in range(20):
            service.download(sizes=[60_000], text="endless")
        with server.connect() as second:
            for _ in range(200):
                assert second.ping(b"others") == b"others"


def test_reset_flood(server, other, messages):
    with server.connect() as connection:
        service = Service(connection, messages)
        flood = b"".join(
            Frame(rpc.REQUEST, rpc.MSG, 4, 5 | generation << 20, 0, DEAF).encode()
            + Frame(rpc.RESET, code=1, stream=5 | generation << 20).encode()
            for generation in range(4096))
        for _ in range(3):
            connection.send_bytes(flood)
        # Those over the limit of handlers were refused, if they came too fast; none is left over.
        assert connection.ping(b"alive") == b"alive"
        assert service.sizes(service.download(sizes=[3])) == [3]


def test_flood_of_empty_messages_costs_credit(server):
    assert refusal(server, OPEN + data(rpc.MSG) * 17_000).reason == rpc.FLOW_CONTROL


def test_promises_take_no_memory_and_are_bounded(server, messages):
    """64 MiB of messages may be announced at once on one connection, not more."""
    with server.connect() as connection:
        calls = [connection.open(UPLOAD) for _ in range(20)]
        for call in calls:
            call.send_data(rpc.MSG | rpc.MORE, struct.pack("<I", 4 << 20) + b"x")
        connection.ping(b"")
        refused = [call for call in calls if call.outcome is not None]
        assert len(refused) == 4
        for call in refused:
            with pytest.raises(RPCError) as failure:
                call.result()
            assert failure.value.status == rpc.RESOURCE_EXHAUSTED


def test_downloads_that_are_dropped_with_their_connection(server, messages):
    """Handlers that wait for credit end with their connection."""
    with server.connect() as watcher:
        service = Service(watcher, messages)
        before = service.cancelled()
        with server.connect() as connection:
            calls = [
                connection.start(DOWNLOAD, service.request(sizes=[60_000], text="endless"))
                for _ in range(10)]
            assert all(call.receive() for call in calls)
        service.wait_until_cancelled(before + 10)
