"""Streams, chunks and credit of a Python client against the Swift server.

Names in brackets are those of the interoperability tests of gRPC, Connect and ttrpc.
"""

import struct
import time

import pytest

import framed_rpc as rpc
from framed_rpc import Frame, RPCError, Streaming

ECHO = "framedrpc.v1.TestService/Echo"
REFLECT = "framedrpc.v1.TestService/Reflect"
DOWNLOAD, UPLOAD, CHAT = (
    f"framedrpc.v1.StreamTestService/{name}" for name in ("Download", "Upload", "Chat"))

SMALL = Streaming(stream_window=131_072, connection_window=1_048_576)


class Service:
    """The stream service on one connection, with messages instead of bytes."""

    def __init__(self, connection, messages):
        self.connection, self.messages = connection, messages

    def request(self, **fields):
        return self.messages.StreamRequest(**fields).SerializeToString()

    def answer(self, data):
        return data if data is None else self.messages.StreamResponse.FromString(data)

    def download(self, *, options=None, **fields):
        return self.connection.start(DOWNLOAD, self.request(**fields), **(options or {}))

    def sizes(self, call):
        return [len(self.answer(data).body) for data in call]

    def cancelled(self):
        echo = self.messages.EchoRequest(text="cancelled calls").SerializeToString()
        return self.messages.EchoResponse.FromString(self.connection.call(ECHO, echo)).number

    def wait_until_cancelled(self, count):
        """The handlers run on threads of their own."""
        limit = time.monotonic() + 10
        while self.cancelled() < count:
            assert time.monotonic() < limit


@pytest.fixture
def service(connection, messages):
    return Service(connection, messages)


@pytest.fixture
def small(server, messages):
    """A client that allows as little as it may."""
    with server.connect(streaming=SMALL) as connection:
        yield Service(connection, messages)


# Kinds


def test_server_streaming(service):
    assert service.sizes(service.download(sizes=[31_415, 9, 2_653, 58_979])) == [
        31_415, 9, 2_653, 58_979]


def test_server_stream_without_responses(service):
    call = service.download()
    assert call.receive() is None
    assert call.receive() is None


def test_client_streaming(service):
    call = service.connection.open(UPLOAD)
    for size in [27_182, 8, 1_828, 45_904]:
        call.send(service.request(body=bytes(size)))
    call.end()
    answer = service.answer(call.result())
    assert (answer.total_bytes, answer.messages) == (74_922, 4)


def test_client_stream_without_requests(service):
    call = service.connection.open(UPLOAD)
    call.end()
    assert service.answer(call.result()).messages == 0


def test_ping_pong(service):
    call = service.connection.open(CHAT)
    for up, down in [(27_182, 31_415), (8, 9), (1_828, 2_653), (45_904, 58_979)]:
        call.send(service.request(sizes=[down], body=bytes(up)))
        assert len(service.answer(call.receive()).body) == down
    call.end()
    assert call.receive() is None


def test_empty_stream(service):
    call = service.connection.open(CHAT)
    call.end()
    assert call.receive() is None


def test_bidi_half_duplex(service):
    call = service.connection.open(CHAT)
    for size in range(1, 51):
        call.send(service.request(sizes=[size]), end=size == 50)
    assert service.sizes(call) == list(range(1, 51))


def test_empty_payload_stream(service):
    call = service.connection.open(UPLOAD)
    for _ in range(100):
        call.send(b"")
    call.end()
    assert service.answer(call.result()).messages == 100
    assert list(service.download(sizes=[0], times=1_000)) == [b""] * 1_000


def test_server_ends_before_the_client(service):
    """The call is over with RESPONSE, whether or not the client has said END."""
    call = service.connection.open(CHAT)
    call.send(service.request(fail_with=9, text="enough"))
    with pytest.raises(RPCError) as failure:
        while True:
            call.send(service.request(body=bytes(10_000)))
    assert (failure.value.status, failure.value.message) == (9, "enough")


def test_streams_by_hash(service):
    call = service.connection.open(UPLOAD, by_hash=True)
    call.send(service.request(body=b"abc"), end=True)
    assert service.answer(call.result()).total_bytes == 3


def test_first_message_may_come_with_the_request(service):
    """REQUEST with MSG and without END: one message of several."""
    first = service.request(body=b"abc")
    call = service.connection.begin(UPLOAD, rpc.MSG, first)
    call.send(service.request(body=b"de"), end=True)
    assert service.answer(call.result()).total_bytes == 5
    call = service.connection.begin(UPLOAD, rpc.END, b"")
    assert service.answer(call.result()).messages == 0
    call = service.connection.begin(UPLOAD, rpc.MSG | rpc.END, first)
    assert service.answer(call.result()).messages == 1


def test_hundred_streams_at_once(service):
    calls = [service.connection.open(CHAT) for _ in range(100)]
    for round_ in range(3):
        for number, call in enumerate(calls):
            call.send(service.request(sizes=[number + round_]))
        for number, call in enumerate(calls):
            assert len(service.answer(call.receive()).body) == number + round_
    for call in calls:
        call.end()
    assert all(call.receive() is None for call in calls)


# Metadata and errors


def test_custom_metadata(service):
    metadata = [("echo-initial", "test_initial_metadata_value"), ("echo-initial", "again"),
                ("echo-trailing", b"\xab\xab\xab"), ("echo-trailing", b"\xab")]
    call = service.connection.open(CHAT, metadata=metadata)
    call.send(service.request(sizes=[1]), end=True)
    assert service.sizes(call) == [1]
    assert call.initial_metadata == [(key, value.encode()) for key, value in metadata[:2]]
    assert call.trailing_metadata == metadata[2:]


def test_trailing_metadata_of_one_answer(service):
    call = service.connection.open(UPLOAD, metadata=[("echo-trailing", b"x")])
    call.end()
    call.result()
    assert call.trailing_metadata == [("echo-trailing", b"x")]
    assert call.initial_metadata is None


@pytest.mark.parametrize("sizes", [[], [1, 2, 3]], ids=["no answers", "answers"])
@pytest.mark.parametrize("status", range(1, 17))
def test_error_comes_after_the_answers_before_it(service, status, sizes):
    call = service.download(sizes=sizes, fail_with=status, text="☺")
    received = []
    with pytest.raises(RPCError) as failure:
        while True:
            received.append(len(service.answer(call.receive()).body))
    assert received == sizes
    assert (failure.value.status, failure.value.message) == (status, "☺")
    assert (failure.value.reason, failure.value.metadata) == ("asked-for", [("detail", b"one")])


@pytest.mark.parametrize("count, reason", [(0, "no-request"), (2, "many-requests")])
@pytest.mark.parametrize("method", [DOWNLOAD, ECHO])
def test_unexpected_requests(service, method, count, reason):
    call = service.connection.open(method)
    for _ in range(count):
        call.send(b"")
    call.end()
    with pytest.raises(RPCError) as failure:
        call.receive()
    assert (failure.value.status, failure.value.reason) == (rpc.INVALID_ARGUMENT, reason)


def test_malformed_message_ends_its_stream(service):
    call = service.connection.open(CHAT)
    call.send(b"\xff\xff")
    with pytest.raises(RPCError) as failure:
        call.receive()
    assert failure.value.status == rpc.INVALID_ARGUMENT
    assert failure.value.reason == "malformed-message"
    assert service.connection.ping(b"alive") == b"alive"


def test_unimplemented_stream(service):
    call = service.connection.open("no.such.Service/Method")
    with pytest.raises(RPCError) as failure:
        call.receive()
    assert (failure.value.status, failure.value.not_processed) == (rpc.UNIMPLEMENTED, True)


def test_a_client_without_streams(server, messages):
    with server.connect(streaming=None) as connection:
        service = Service(connection, messages)
        for method in [DOWNLOAD, UPLOAD, CHAT]:
            with pytest.raises(RPCError) as failure:
                connection.call(method, service.request())
            assert failure.value.status == rpc.UNIMPLEMENTED
            assert failure.value.not_processed
        assert connection.call(REFLECT, b"") == b""


# Cancelling and deadlines


def test_cancel_after_begin(service):
    before = service.cancelled()
    call = service.connection.open(UPLOAD)
    # When another call is answered, the handler has begun: what is given up before has none.
    service.cancelled()
    call.cancel()
    with pytest.raises(RPCError) as failure:
        call.result()
    assert failure.value.status == rpc.CANCELLED
    service.wait_until_cancelled(before + 1)


def test_cancel_after_first_response(service):
    before = service.cancelled()
    call = service.connection.open(CHAT)
    call.send(service.request(sizes=[31_415], body=bytes(27_182)))
    assert len(service.answer(call.receive()).body) == 31_415
    call.cancel()
    with pytest.raises(RPCError) as failure:
        call.receive()
    assert failure.value.status == rpc.CANCELLED
    service.wait_until_cancelled(before + 1)


def test_deadline_while_blocked_on_credit(service):
    before = service.cancelled()
    call = service.connection.open(CHAT, timeout=0.2)
    with pytest.raises(RPCError) as failure:
        call.send(service.request(text="deaf"))
        while True:
            call.send(service.request(body=bytes(1024)))
    assert failure.value.status == rpc.DEADLINE_EXCEEDED
    service.wait_until_cancelled(before + 1)


def test_deadline_by_the_clock_of_the_server(service):
    call = service.download(sizes=[10_000], text="endless", options={"timeout": 0.1})
    call.deadline = None
    with pytest.raises(RPCError) as failure:
        while True:
            call.receive()
    assert failure.value.status == rpc.DEADLINE_EXCEEDED


def test_endless_answers_are_cancelled(service):
    before = service.cancelled()
    call = service.download(sizes=[60_000], text="endless")
    for _ in range(20):
        assert call.receive()
    call.cancel()
    service.wait_until_cancelled(before + 1)


# Chunks


@pytest.mark.parametrize("size", [65_530, 65_535, 65_536, 65_537, 131_068, 131_072, 4_194_300])
def test_messages_of_every_size_pass_both_ways(small, size):
    """Through windows much smaller than the message, at this end."""
    body = bytes(n & 0xFF for n in range(1021)) * (size // 1021 + 1)
    request = small.messages.StreamRequest(sizes=[max(size - 20, 0)])
    request.body = body[:size - request.ByteSize() - 5]
    call = small.connection.open(CHAT)
    call.send(request.SerializeToString())
    answer = small.answer(call.receive())
    assert answer.total_bytes == len(request.body)
    assert answer.body == b"\x07" * (size - 20)
    call.end()
    assert call.receive() is None


def test_largest_unary_message(small):
    everything = small.messages.Everything(raw=bytes(4_194_304 - 10))
    request = small.messages.ReflectRequest(everything=everything).SerializeToString()
    assert len(request) == 4_194_304
    assert small.connection.call(REFLECT, request) == request


def test_message_over_the_limit_ends_its_call(service):
    """A client that does not look at the limit: its first chunk says too much."""
    call = service.connection.open(UPLOAD)
    call.send_data(rpc.MSG | rpc.MORE, struct.pack("<I", 4_194_305) + bytes(100))
    with pytest.raises(RPCError) as failure:
        call.result()
    assert failure.value.status == rpc.RESOURCE_EXHAUSTED
    assert service.connection.ping(b"alive") == b"alive"


def test_answer_over_the_limit_of_the_client(server, messages):
    with server.connect(streaming=Streaming(max_message=100_000)) as connection:
        service = Service(connection, messages)
        call = service.download(sizes=[99_990, 100_000])
        assert len(service.answer(call.receive()).body) == 99_990
        with pytest.raises(RPCError) as failure:
            call.receive()
        assert failure.value.status == rpc.RESOURCE_EXHAUSTED


def test_chunks_may_be_of_any_size(service):
    request = service.request(body=bytes(range(200)))
    call = service.connection.open(UPLOAD)
    head = struct.pack("<I", len(request))
    for number, byte in enumerate(request):
        body = bytes([byte]) if number else head + bytes([byte])
        call.send_data(rpc.MSG | (rpc.MORE if number + 1 < len(request) else 0), body)
    call.end()
    assert service.answer(call.result()).total_bytes == 200


def test_one_large_answer_does_not_hold_up_small_ones(service):
    """Frames of other streams come between the chunks."""
    large = service.download(sizes=[4_000_000])
    small = service.download(sizes=[10])
    assert service.sizes(small) == [10]
    assert large.outcome is None
    assert service.sizes(large) == [4_000_000]


# Credit


def test_server_stops_at_the_window(small):
    small.connection.grants = False
    call = small.download(sizes=[1_000], times=1_000)
    while call.allowance.limit - call.allowance.received >= 1_100:
        small.connection.pump()
    assert call.allowance.received <= 131_072
    assert small.connection.ping(b"others go on") == b"others go on"
    small.connection.grants = True
    call.grant()
    assert small.sizes(call) == [1_000] * 1_000


def test_server_stops_at_the_window_of_the_connection(server, messages):
    wide = Streaming(stream_window=1 << 24, connection_window=1_048_576)
    with server.connect(streaming=wide) as connection:
        service = Service(connection, messages)
        connection.grants = False
        calls = [service.download(sizes=[50_000], times=30) for _ in range(3)]
        while connection.allowance.limit - connection.allowance.received >= 50_100:
            connection.pump()
        assert service.cancelled() >= 0, "a unary call needs no credit"
        assert all(call.outcome is None for call in calls)
        connection.grants = True
        connection.send_window(
            rpc.CONNECTION, rpc.OF_CONNECTION, connection.allowance.next_limit())
        for call in calls:
            assert service.sizes(call) == [50_000] * 30


def test_unread_stream_blocks_nobody_else(small):
    unread = [small.download(sizes=[10_000], text="endless") for _ in range(7)]
    for _ in range(100):
        assert small.sizes(small.download(sizes=[1_000], times=3)) == [1_000] * 3
    for call in unread:
        assert call.unread <= 131_072
        call.cancel()


def test_windows_that_are_late_or_repeated_do_no_harm(service):
    call = service.connection.open(CHAT)
    service.connection.grants = False
    for limit in [0, 1, 262_143, 262_144, 262_144]:
        service.connection.send_window(call.stream, rpc.OF_STREAM, limit)
        service.connection.send_window(rpc.CONNECTION, rpc.OF_CONNECTION, limit)
    service.connection.send_window(call.stream | 0xFFF00000, rpc.OF_STREAM, 1 << 63)
    call.send(service.request(sizes=[200_000]), end=True)
    assert service.sizes(call) == [200_000]
    assert call.allowance.received <= 262_144


def test_server_grants_as_it_reads(service):
    """Ten megabytes pass through a window of 256 KiB."""
    call = service.connection.open(UPLOAD)
    for _ in range(1_000):
        call.send(service.request(body=bytes(10_000)))
    call.end()
    assert service.answer(call.result()).total_bytes == 10_000_000
    assert call.credit.limit > 10_000_000
    assert service.connection.credit.limit > 10_000_000


def test_deaf_handler_grants_no_more(service):
    call = service.connection.open(CHAT)
    call.send(service.request(text="deaf"))
    while call.credit.allows(10_016 + 10):
        call.send(service.request(body=bytes(10_000)))
    assert service.connection.ping(b"") == b""
    assert call.credit.limit < 262_144 + 262_144 // 2
    call.cancel()


# Ending


def test_streams_end_in_order_while_the_server_drains(own_server, messages):
    with own_server.connect() as connection:
        service = Service(connection, messages)
        call = connection.open(CHAT)
        call.send(service.request(sizes=[1]))
        assert len(service.answer(call.receive()).body) == 1
        own_server.begin_shutdown()
        while connection.going_away is None:
            connection.pump()
        assert (connection.going_away.reason, connection.going_away.accepted) == (rpc.SHUTDOWN, 1)
        for size in [2, 200_000, 3]:
            call.send(service.request(sizes=[size]))
            assert len(service.answer(call.receive()).body) == size
        call.end()
        assert call.receive() is None
        with pytest.raises(rpc.ConnectionEnded):
            connection.pump()


def test_stream_that_crosses_goaway_is_refused(own_server, messages):
    with own_server.connect() as connection:
        first = connection.open(CHAT)
        own_server.begin_shutdown()
        while connection.going_away is None:
            connection.pump()
        connection.is_draining, connection.going_away = False, None
        late = connection.open(CHAT)
        late.send(messages.StreamRequest(sizes=[1]).SerializeToString())
        with pytest.raises(RPCError) as failure:
            late.receive()
        assert (failure.value.status, failure.value.not_processed) == (rpc.UNAVAILABLE, True)
        first.cancel()


def test_bytes_of_a_stream_may_come_one_by_one(server, messages):
    with server.connect() as connection:
        call = connection.open(CHAT)
        request = messages.StreamRequest(sizes=[3, 70_000]).SerializeToString()
        for byte in Frame(rpc.DATA, rpc.MSG | rpc.END, stream=call.stream, body=request).encode():
            connection.send_bytes(bytes([byte]))
        assert Service(connection, messages).sizes(call) == [3, 70_000]
