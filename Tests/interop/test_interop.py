"""A Python client against the Swift server: the protocol is what its page says."""

import random
import re
import struct
import time

import pytest

import framed_rpc as rpc
from conftest import ROOT, refusal
from framed_rpc import Frame, RPCError

ECHO = "framedrpc.v1.TestService/Echo"
REFLECT = "framedrpc.v1.TestService/Reflect"


@pytest.fixture
def echo(connection, messages):
    """Calls Echo on a connection of its own."""

    def call(*, timeout=None, metadata=(), by_hash=False, **fields):
        answer = connection.call(
            ECHO, messages.EchoRequest(**fields).SerializeToString(), timeout=timeout,
            metadata=metadata, by_hash=by_hash)
        return messages.EchoResponse.FromString(answer)

    return call


# The page


def test_examples_of_the_page():
    page = (ROOT / "docs" / "framed-rpc-protocol.md").read_text()
    blocks = re.findall(r"```\n((?:[0-9a-f]{2}[ \n])+)```", page.split("## 7. Examples")[1])
    examples = [bytes.fromhex(block) for block in blocks]
    hi, slot, both = bytes.fromhex("0a026869"), 2 | 1 << 20, rpc.MSG | rpc.END
    limit = struct.pack("<I", 1 << 20)
    table = b"".join(
        struct.pack("<QH", rpc.method_hash(name), len(name)) + name.encode()
        for name in (ECHO, REFLECT))
    ping, streams = bytes(range(1, 9)), rpc.Streaming().encode()
    assert examples == [
        rpc.MAGIC + Frame(rpc.HELLO, body=rpc.encode_handshake(1, [(1, limit)])).encode(),
        Frame(rpc.SETTINGS, body=rpc.encode_handshake(
            1, [(1, limit), (2, struct.pack("<I", 4096)), (3, table)])).encode(),
        rpc.MAGIC + Frame(rpc.HELLO, body=rpc.encode_handshake(
            1, [(1, limit), (4, streams)])).encode(),
        Frame(rpc.SETTINGS, body=rpc.encode_handshake(1, [
            (1, limit), (2, struct.pack("<I", 4096)), (3, b""), (4, streams),
            (5, struct.pack("<I", 1000))])).encode(),
        Frame(rpc.REQUEST, both, 0, slot, 250_000, hi).encode(),
        Frame(rpc.REQUEST, both | rpc.META, rpc.SLOT_BY_HASH, 3, 0, rpc.encode_metadata(
            [("request-id", "r-1")]) + struct.pack("<Q", rpc.method_hash(ECHO)) + hi).encode(),
        Frame(rpc.RESPONSE, both, 0, slot, 85, hi + bytes.fromhex("18f901")).encode(),
        Frame(rpc.RESPONSE, both | rpc.META, 5, 3, 12, rpc.encode_metadata(
            [("reason", "not-found")]) + b"class 7 is unknown").encode(),
        Frame(rpc.RESPONSE, both, 0x0108, 5, 0, b"busy").encode(),
        Frame(rpc.RESET, code=rpc.CANCELLED, stream=slot).encode(),
        Frame(rpc.REQUEST, 0, 2, 4).encode(),
        Frame(rpc.DATA, both, 0, 4, 0, hi).encode(),
        Frame(rpc.DATA, rpc.MSG | rpc.MORE, 0, 4, 0, struct.pack("<I", 4) + hi[:2]).encode()
        + Frame(rpc.DATA, rpc.MSG, 0, 4, 0, hi[2:]).encode(),
        Frame(rpc.DATA, rpc.END, 0, 4).encode(),
        Frame(rpc.DATA, rpc.META, 0, 4, 0, rpc.encode_metadata([("a", "b")])).encode(),
        Frame(rpc.RESPONSE, rpc.END, 0, 4, 12).encode(),
        Frame(rpc.WINDOW, 0, 0, 4, rpc.OF_STREAM, struct.pack("<Q", 393_216)).encode()
        + Frame(rpc.WINDOW, aux=rpc.OF_CONNECTION, body=struct.pack("<Q", 6_291_456)).encode(),
        Frame(rpc.PING, body=ping).encode() + Frame(rpc.PONG, body=ping).encode(),
        Frame(rpc.DRAIN).encode(),
        Frame(rpc.GOAWAY, body=struct.pack("<QI", 2, 0) + b"the server shuts down").encode(),
    ]


# Handshake


def test_settings(connection):
    assert connection.version == 1
    methods = list(connection.slots)
    assert methods[:5] == [
        ECHO, REFLECT, *(f"framedrpc.v1.StreamTestService/{name}" for name in
                         ("Download", "Upload", "Chat"))]
    assert "framedrpc.v1.ReflectionService/ListServices" in methods[5:]
    assert list(connection.slots.values()) == list(range(len(methods)))
    assert connection.server == rpc.Streaming()
    assert connection.min_ping_interval == 1000
    assert connection.server_max_frame_bytes == 1 << 20
    assert connection.max_concurrent_calls == 4096


def test_later_version_gets_ours(server):
    with server.connect(version=7) as connection:
        assert connection.version == 1


def test_version_mismatch(server):
    hello = Frame(rpc.HELLO, body=rpc.encode_handshake(0, [])).encode()
    assert refusal(server, rpc.MAGIC + hello, hello=False).reason == rpc.UNSUPPORTED_VERSION


def test_critical_feature(server):
    hello = Frame(rpc.HELLO, body=rpc.encode_handshake(1, [(0x8123, b"")])).encode()
    assert refusal(server, rpc.MAGIC + hello, hello=False).reason == rpc.UNSUPPORTED_VERSION


def test_call_before_settings(server, messages):
    with server.connect(wait=False) as connection:
        answer = connection.call(ECHO, messages.EchoRequest(number=5).SerializeToString())
        assert messages.EchoResponse.FromString(answer).number == 5
        assert connection.version == 1


# Calls


@pytest.mark.parametrize("by_hash", [False, True], ids=["by slot", "by hash"])
def test_echo(echo, by_hash):
    answer = echo(text="hello", number=-7, by_hash=by_hash)
    assert (answer.text, answer.number, answer.remaining_ms) == ("hello", -7, -1)


def test_empty_message(connection, messages):
    assert connection.call(REFLECT, b"") == b""
    assert messages.ReflectRequest().SerializeToString() == b""


@pytest.mark.parametrize("text", ["수강신청", "🎓" * 1000, "\u0001\u007f", "e\u0301"])
def test_unicode(echo, text):
    assert echo(text=text).text == text


def test_every_kind_of_field(connection, messages):
    everything = messages.Everything(
        flag=True, small=-(2**31), large=2**63 - 1, small_natural=2**32 - 1,
        large_natural=2**64 - 1, real=-0.1, text="t", raw=bytes(range(256)), color=2,
        inner=messages.Inner(name="i", innermost=messages.Innermost(value=-1)),
        numbers=[0, -1, 2**40], texts=["", "b"], inners=[messages.Inner(), messages.Inner(name="x")],
        maybe=0, maybe_text="", zigzag=-(2**63), fixed=1, single=0.5)
    request = messages.ReflectRequest(everything=everything)
    answer = messages.ReflectResponse.FromString(
        connection.call(REFLECT, request.SerializeToString()))
    assert answer.everything == everything
    assert answer.everything.HasField("maybe") and answer.everything.HasField("maybe_text")


def test_random_messages_mean_the_same_to_both(connection, messages):
    numbers = random.Random(11)
    for _ in range(300):
        everything = messages.Everything(
            small=numbers.randint(-(2**31), 2**31 - 1), large=numbers.randint(-(2**63), 2**63 - 1),
            text="".join(chr(numbers.choice([97, 0xE9, 0xD55C, 0x1F393])) for _ in range(9)),
            raw=numbers.randbytes(numbers.randint(0, 300)), color=numbers.randint(-3, 3),
            numbers=[numbers.randint(-9, 2**50) for _ in range(numbers.randint(0, 40))],
            inners=[messages.Inner(name=str(n)) for n in range(numbers.randint(0, 9))],
            real=numbers.random(), zigzag=numbers.randint(-(2**40), 2**40))
        request = messages.ReflectRequest(everything=everything).SerializeToString()
        answer = messages.ReflectResponse.FromString(connection.call(REFLECT, request))
        assert answer.everything == everything


@pytest.mark.parametrize("streaming", [None, rpc.Streaming()], ids=["one frame", "chunks"])
def test_large_message(server, messages, streaming):
    request = messages.ReflectRequest(everything=messages.Everything(raw=bytes(1_000_000)))
    with server.connect(streaming=streaming) as connection:
        assert connection.call(REFLECT, request.SerializeToString()) == request.SerializeToString()


def test_hundred_interleaved_calls(connection, messages):
    calls = [
        connection.start(
            ECHO, messages.EchoRequest(number=n, delay_ms=(100 - n) % 7 * 3).SerializeToString(),
            by_hash=n % 2 == 0)
        for n in range(100)
    ]
    for n in random.Random(5).sample(range(100), 100):
        assert messages.EchoResponse.FromString(calls[n].result()).number == n


def test_slots_are_used_again_with_new_generations(connection, messages):
    streams = []
    for n in range(5000):
        call = connection.start(ECHO, messages.EchoRequest(number=n).SerializeToString())
        streams.append(call.stream)
        assert messages.EchoResponse.FromString(call.result()).number == n
    assert streams[0] == 0 and streams[4095] == 4095 << 20 and streams[4096] == 0


def test_request_id_reaches_the_handler(echo):
    assert echo(metadata=[("request-id", "r-42"), ("other", b"\x00\xff")]).request_id == "r-42"


def test_bytes_may_come_one_by_one(server, messages):
    with server.connect() as connection:
        body = messages.EchoRequest(text="slow").SerializeToString()
        for byte in Frame(rpc.REQUEST, rpc.MSG | rpc.END, 0, 9, 0, body).encode():
            connection.send_bytes(bytes([byte]))
        frame = connection.read_frame()
        assert (frame.type, frame.code, frame.stream) == (rpc.RESPONSE, 0, 9)


# Errors


def test_error_with_reason_and_metadata(echo):
    with pytest.raises(RPCError) as failure:
        echo(text="the fee is 12,000 ₩", fail_with=9)
    error = failure.value
    assert (error.status, error.message) == (9, "the fee is 12,000 ₩")
    assert (error.reason, error.not_processed) == ("asked-for", False)
    assert error.metadata == [("detail", b"one"), ("detail", b"\x00\xff")]


@pytest.mark.parametrize("status", range(1, 17))
def test_every_status(echo, status):
    with pytest.raises(RPCError) as failure:
        echo(fail_with=status)
    assert failure.value.status == status


def test_nul_is_refused(echo, messages):
    with pytest.raises(RPCError) as failure:
        echo(text="a\0b")
    assert failure.value.status == rpc.INVALID_ARGUMENT
    assert failure.value.reason == "malformed-message"
    assert "text" in failure.value.message
    assert echo(text="and the connection lives on").text


@pytest.mark.parametrize("message", [b"\x0a\x02\xff\xfe", b"\x0a\x05ab", b"\xff", b"\x0b\x0c"],
                         ids=["bad UTF-8", "cut off", "half a tag", "a group"])
def test_malformed_message(connection, message):
    with pytest.raises(RPCError) as failure:
        connection.call(ECHO, message)
    assert failure.value.status == rpc.INVALID_ARGUMENT


def test_unknown_field_bomb(connection):
    with pytest.raises(RPCError) as failure:
        connection.call(ECHO, b"\x98\x06\x01" * 200_000)
    assert failure.value.status == rpc.INVALID_ARGUMENT


def test_unimplemented_by_unknown_hash(connection):
    with pytest.raises(RPCError) as failure:
        connection.call("no.such.Service/Method", b"")
    assert failure.value.status == rpc.UNIMPLEMENTED
    assert failure.value.not_processed


# Deadlines and cancelling


def test_deadline_reaches_the_server(echo):
    assert 0 < echo(timeout=100).remaining_ms <= 100_000


def test_deadline_exceeded(connection, messages):
    slow = messages.EchoRequest(delay_ms=60_000).SerializeToString()
    with pytest.raises(RPCError) as failure:
        connection.call(ECHO, slow, timeout=0.03)
    assert failure.value.status == rpc.DEADLINE_EXCEEDED
    assert connection.call(REFLECT, b"") == b""


def test_deadline_exceeded_at_the_server(connection, messages):
    """By the server's own clock: this client does not look at its own."""
    call = connection.start(
        ECHO, messages.EchoRequest(delay_ms=60_000).SerializeToString(), timeout=0.03)
    call.deadline = None
    with pytest.raises(RPCError) as failure:
        call.result()
    assert failure.value.status == rpc.DEADLINE_EXCEEDED


def test_deadline_that_has_passed_is_not_sent(connection):
    with pytest.raises(RPCError) as failure:
        connection.start(ECHO, b"", timeout=0)
    assert failure.value.not_processed


def test_cancel(connection, echo, messages):
    before = echo(text="cancelled calls").number
    call = connection.start(ECHO, messages.EchoRequest(delay_ms=60_000).SerializeToString())
    # A call that is given up in the read that brings it never gets to its handler: frames are handled
    # in order, so that it has begun when the next call is answered.
    echo(text="begun")
    call.cancel()
    with pytest.raises(RPCError) as failure:
        call.result()
    assert failure.value.status == rpc.CANCELLED
    limit = time.monotonic() + 10
    while echo(text="cancelled calls").number == before:
        assert time.monotonic() < limit
    assert echo(text="cancelled calls").number == before + 1


# Keeping alive and ending


def test_ping(connection):
    assert connection.ping(b"12345678") == b"12345678"
    assert connection.ping(b"") == b""


def test_frame_that_may_be_ignored(connection):
    connection.send(Frame(0xAB, flags=0xFF, body=b"from a later version"))
    assert connection.ping(b"still here") == b"still here"


@pytest.mark.parametrize("data, reason", [
    (Frame(0x44).encode(), rpc.UNKNOWN_FRAME_TYPE),
    (Frame(rpc.PING, flags=0x40).encode(), rpc.RESERVED_FLAG),
    (Frame(rpc.RESPONSE, rpc.MSG | rpc.END).encode(), rpc.UNEXPECTED_FRAME),
    (Frame(rpc.REQUEST, rpc.MSG | rpc.END | rpc.META, body=b"\xff").encode(), rpc.MALFORMED_FRAME),
    (b"\xff" * 64, rpc.NOT_FRAMED_RPC),
], ids=["unknown type", "reserved flag", "response", "metadata", "noise"])
def test_what_is_not_allowed_ends_the_connection(server, data, reason):
    ended = refusal(server, data)
    assert ended.reason == reason
    assert ended.message


@pytest.mark.parametrize("data", [
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00", b"\x00" * 200_000],
    ids=["HTTP", "TLS", "zeros"])
def test_garbage_is_told_why(server, data):
    assert refusal(server, data, hello=False).reason == rpc.NOT_FRAMED_RPC


def test_stream_in_use(server, messages):
    slow = messages.EchoRequest(delay_ms=60_000).SerializeToString()
    request = Frame(rpc.REQUEST, rpc.MSG | rpc.END, 0, 5, 0, slow).encode()
    assert refusal(server, request * 2).reason == rpc.STREAM_IN_USE


def test_oversize_frame_closes_only_its_connection(server, connection):
    frame = Frame(rpc.REQUEST, rpc.MSG | rpc.END, body=bytes((1 << 20) + 1)).encode()
    ended = refusal(server, frame)
    assert ended.reason == rpc.FRAME_TOO_LARGE
    assert connection.ping(b"other") == b"other"


def test_drain(own_server, messages):
    with own_server.connect() as connection:
        slow = messages.EchoRequest(delay_ms=60_000).SerializeToString()
        call = connection.start(ECHO, slow)
        connection.ping(b"the request is there")
        own_server.begin_shutdown()
        while connection.going_away is None:
            connection.pump()
        assert connection.going_away.reason == rpc.SHUTDOWN
        assert connection.going_away.accepted == 1
        assert connection.is_draining
        with pytest.raises(RPCError) as failure:
            connection.start(ECHO, b"")
        assert failure.value.not_processed
        # A request that crosses the GOAWAY has no effect, and its caller is told so.
        connection.is_draining, connection.going_away = False, None
        late = connection.start(ECHO, messages.EchoRequest(number=2).SerializeToString())
        with pytest.raises(RPCError) as failure:
            late.result()
        assert (failure.value.status, failure.value.not_processed) == (rpc.UNAVAILABLE, True)
        # The first call keeps the connection open; without it, it closes.
        assert connection.ping(b"still open") == b"still open"
        call.cancel()
        with pytest.raises(rpc.ConnectionEnded):
            connection.pump()


def test_drain_refuses_no_call_until_it_was_heard(own_server, messages):
    """What a client sends before it has read DRAIN is taken on: the GOAWAY waits for its PONG."""
    with own_server.connect() as connection:
        slow = connection.start(ECHO, messages.EchoRequest(delay_ms=60_000).SerializeToString())
        connection.ping(b"the request is there")
        connection.answers_pings = False
        own_server.begin_shutdown()
        while not connection.is_draining:
            connection.pump()
        ping = connection.read_frame()
        assert (ping.type, len(ping.body)) == (rpc.PING, 8)
        connection.send(Frame(rpc.PONG, body=b"of another"))
        connection.is_draining = False
        late = connection.start(ECHO, messages.EchoRequest(number=2).SerializeToString())
        assert messages.EchoResponse.FromString(late.result()).number == 2
        assert connection.going_away is None
        connection.send(Frame(rpc.PONG, body=ping.body))
        while connection.going_away is None:
            connection.pump()
        assert connection.going_away.accepted == 2
        slow.cancel()
        with pytest.raises(rpc.ConnectionEnded):
            connection.pump()


def test_drain_of_a_client_that_does_not_know_it(own_server, messages):
    with own_server.connect() as connection:
        connection.answers_pings = False
        slow = connection.start(ECHO, messages.EchoRequest(delay_ms=60_000).SerializeToString())
        own_server.begin_shutdown()
        while connection.going_away is None:
            connection.pump()
        assert connection.going_away.reason == rpc.SHUTDOWN
        slow.cancel()


def test_last_words_reach_a_slow_reader(own_server, messages):
    """What the server has answered arrives whole, though it closed before it was read."""
    large = messages.ReflectRequest(everything=messages.Everything(raw=bytes(1_000_000)))
    with own_server.connect() as slow, own_server.connect() as other:
        calls = [slow.start(REFLECT, large.SerializeToString()) for _ in range(4)]
        own_server.begin_shutdown()
        with pytest.raises(rpc.ConnectionEnded):
            while True:
                other.pump()  # idle, so it is closed at once: the shutdown has begun
        with pytest.raises(rpc.ConnectionEnded) as ended:
            while True:
                slow.pump()
        assert ended.value.reason == rpc.SHUTDOWN
        for call in calls[:ended.value.accepted]:
            assert call.result() == large.SerializeToString()
