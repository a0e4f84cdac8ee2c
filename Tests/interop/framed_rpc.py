"""A client of FramedRPC, written from docs/framed-rpc-protocol.md alone.

Standard library only: messages are bytes here, whatever makes them. One thread, one socket; calls
overlap because `start` does not wait and `Call.result` reads frames for everybody.
"""

import socket
import struct
import time
from dataclasses import dataclass, field

MAGIC = bytes.fromhex("f5465250430d0a1a")
HEADER = struct.Struct("<IBBHII")

HELLO, SETTINGS, REQUEST, RESPONSE, RESET, PING, PONG, GOAWAY = range(1, 9)
MSG, END, META = 0x01, 0x02, 0x08
SLOT_BY_HASH = 0xFFFF
CONNECTION = 0  # the stream of frames that belong to no call

# Statuses that the client itself gives, and the reasons of GOAWAY.
OK, CANCELLED, INVALID_ARGUMENT, DEADLINE_EXCEEDED = 0, 1, 3, 4
RESOURCE_EXHAUSTED, UNIMPLEMENTED, UNAVAILABLE = 8, 12, 14
(SHUTDOWN, NOT_FRAMED_RPC, UNSUPPORTED_VERSION, FRAME_TOO_LARGE, RESERVED_FLAG,
 UNKNOWN_FRAME_TYPE, MALFORMED_FRAME, STREAM_IN_USE, TIMEOUT, UNEXPECTED_FRAME) = range(10)


@dataclass
class RPCError(Exception):
    """A call failed."""

    status: int
    message: str
    reason: str | None = None
    metadata: list = field(default_factory=list)
    not_processed: bool = False


@dataclass
class ConnectionEnded(Exception):
    """The connection is over; `reason` is None when the peer gave none."""

    reason: int | None
    message: str
    accepted: int | None = None


@dataclass
class Frame:
    type: int
    flags: int = 0
    code: int = 0
    stream: int = CONNECTION
    aux: int = 0
    body: bytes = b""

    def encode(self):
        return HEADER.pack(
            len(self.body), self.type, self.flags, self.code, self.stream, self.aux) + self.body


def method_hash(name):
    """FNV-1a, 64 bits."""
    value = 0xCBF29CE484222325
    for byte in name.encode():
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value


def encode_metadata(pairs):
    entries = b""
    for key, value in pairs:
        value = value.encode() if isinstance(value, str) else value
        entries += struct.pack("<BH", len(key.encode()), len(value)) + key.encode() + value
    return struct.pack("<I", len(entries)) + entries


def decode_metadata(body):
    """The pairs at the beginning of `body`, and the rest."""
    (length,) = struct.unpack_from("<I", body)
    end, offset, pairs = 4 + length, 4, []
    while offset < end:
        key_length, value_length = struct.unpack_from("<BH", body, offset)
        offset += 3
        key = body[offset:offset + key_length].decode()
        offset += key_length
        pairs.append((key, body[offset:offset + value_length]))
        offset += value_length
    return pairs, body[end:]


def encode_handshake(version, features):
    body = struct.pack("<HH", version, 0)
    for identifier, value in features:
        body += struct.pack("<HI", identifier, len(value)) + value
    return body


def decode_handshake(body):
    version, _ = struct.unpack_from("<HH", body)
    features, offset = {}, 4
    while offset < len(body):
        identifier, length = struct.unpack_from("<HI", body, offset)
        offset += 6
        features[identifier] = body[offset:offset + length]
        offset += length
    return version, features


class Call:
    """One call on its way."""

    def __init__(self, connection, stream, deadline):
        self.connection, self.stream, self.deadline = connection, stream, deadline
        self.outcome = None  # the answer's bytes, or an exception
        self.server_microseconds = None

    def result(self):
        """Waits for the answer; a deadline that passes gives the call up."""
        while self.outcome is None:
            try:
                self.connection.pump(self.deadline)
            except TimeoutError:
                self.give_up(DEADLINE_EXCEEDED, "no answer before the deadline")
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome

    def cancel(self):
        if self.outcome is None:
            self.give_up(CANCELLED, "the caller cancelled the call")

    def give_up(self, status, message):
        self.connection.send(Frame(RESET, code=status, stream=self.stream))
        self.connection.release(self)
        self.outcome = RPCError(status, message)


class Connection:
    """One connection to a server."""

    def __init__(self, host, port, *, version=1, max_frame_bytes=1 << 20, wait=True):
        self.socket = socket.create_connection((host, port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.incoming = b""
        self.max_frame_bytes = max_frame_bytes
        self.calls = {}           # stream → Call
        self.generations = []     # of each slot
        self.free_slots = []
        self.slots = {}           # method → slot, after SETTINGS
        self.server_max_frame_bytes, self.max_concurrent_calls = 65_536, 100
        self.version = None       # what the server chose
        self.going_away = None
        self.pongs = []
        hello = encode_handshake(version, [(1, struct.pack("<I", max_frame_bytes))])
        self.send_bytes(MAGIC + Frame(HELLO, body=hello).encode())
        if wait:
            self.wait_for_settings()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def wait_for_settings(self):
        while self.version is None:
            self.pump()

    # calls

    def call(self, method, message, **options):
        return self.start(method, message, **options).result()

    def start(self, method, message, *, timeout=None, metadata=(), by_hash=False):
        """Sends a request and does not wait."""
        deadline = None if timeout is None else time.monotonic() + timeout
        remaining = 0 if timeout is None else int(timeout * 1_000_000)
        if timeout is not None and remaining <= 0:
            raise RPCError(DEADLINE_EXCEEDED, "the deadline has passed", not_processed=True)
        slot = SLOT_BY_HASH if by_hash else self.slots.get(method, SLOT_BY_HASH)
        flags, body = MSG | END, b""
        if metadata:
            flags, body = flags | META, encode_metadata(metadata)
        if slot == SLOT_BY_HASH:
            body += struct.pack("<Q", method_hash(method))
        body += message
        if self.going_away:
            raise RPCError(UNAVAILABLE, "the server goes away", not_processed=True)
        if len(body) > self.server_max_frame_bytes:
            raise RPCError(RESOURCE_EXHAUSTED, "the request is too large", not_processed=True)
        if len(self.calls) >= self.max_concurrent_calls:
            raise RPCError(RESOURCE_EXHAUSTED, "too many calls", not_processed=True)
        call = Call(self, self.take_stream(), deadline)
        self.calls[call.stream] = call
        self.send(Frame(REQUEST, flags, slot, call.stream, min(remaining, 0xFFFFFFFF), body))
        return call

    def take_stream(self):
        if self.free_slots:
            slot = self.free_slots.pop()
        else:
            slot = len(self.generations)
            self.generations.append(0)
        return slot | self.generations[slot] << 20

    def release(self, call):
        del self.calls[call.stream]
        slot = call.stream & 0xFFFFF
        self.generations[slot] = (self.generations[slot] + 1) % 4096
        self.free_slots.append(slot)

    def ping(self, body):
        self.send(Frame(PING, body=body))
        while not self.pongs:
            self.pump()
        return self.pongs.pop(0)

    # frames

    def send(self, frame):
        self.send_bytes(frame.encode())

    def send_bytes(self, data):
        try:
            self.socket.sendall(data)
        except OSError:
            pass  # the peer has closed: what it said is still to be read

    def pump(self, deadline=None):
        """Reads one frame and acts on it; raises TimeoutError when the deadline comes first."""
        self.handle(self.read_frame(deadline))

    def read_frame(self, deadline=None):
        while True:
            if len(self.incoming) >= HEADER.size:
                length, kind, flags, code, stream, aux = HEADER.unpack_from(self.incoming)
                if length > self.max_frame_bytes:
                    raise ConnectionEnded(FRAME_TOO_LARGE, "the server's frame is too large")
                end = HEADER.size + length
                if len(self.incoming) >= end:
                    body, self.incoming = self.incoming[HEADER.size:end], self.incoming[end:]
                    return Frame(kind, flags, code, stream, aux, body)
            self.socket.settimeout(
                10 if deadline is None else max(deadline - time.monotonic(), 0.000_001))
            data = self.socket.recv(65_536)
            if not data:
                self.end(ConnectionEnded(None, "the server closed the connection"))
            self.incoming += data

    def handle(self, frame):
        if frame.type == SETTINGS and self.version is None:
            self.take_settings(frame.body)
        elif frame.type == RESPONSE:
            self.take_response(frame)
        elif frame.type == RESET:
            call = self.calls.get(frame.stream)
            if call:
                self.release(call)
                call.outcome = RPCError(
                    frame.code & 0xFF, frame.body.decode(errors="replace"),
                    not_processed=bool(frame.code >> 8 & 1))
        elif frame.type == PING:
            self.send(Frame(PONG, body=frame.body))
        elif frame.type == PONG:
            self.pongs.append(frame.body)
        elif frame.type == GOAWAY:
            accepted, reason = struct.unpack_from("<QI", frame.body)
            self.going_away = ConnectionEnded(
                reason, frame.body[12:].decode(errors="replace"), accepted)
            if reason != SHUTDOWN:
                self.end(self.going_away)
        elif not frame.type & 0x80:
            raise ConnectionEnded(UNKNOWN_FRAME_TYPE, f"type {frame.type}")

    def take_settings(self, body):
        self.version, features = decode_handshake(body)
        if 1 in features:
            (limit,) = struct.unpack("<I", features[1])
            self.server_max_frame_bytes = min(max(limit, 65_536), 0xFFFFFF)
        if 2 in features:
            (self.max_concurrent_calls,) = struct.unpack("<I", features[2])
        table, offset = features.get(3, b""), 0
        while offset < len(table):
            value, length = struct.unpack_from("<QH", table, offset)
            name = table[offset + 10:offset + 10 + length].decode()
            assert value == method_hash(name)
            self.slots[name] = len(self.slots)
            offset += 10 + length

    def take_response(self, frame):
        call = self.calls.get(frame.stream)
        if call is None:
            return  # late
        self.release(call)
        assert frame.flags & (MSG | END) == MSG | END
        metadata, body = [], frame.body
        if frame.flags & META:
            metadata, body = decode_metadata(body)
        call.server_microseconds = frame.aux
        if frame.code & 0xFF == OK:
            call.outcome = body
        else:
            reasons = [value.decode() for key, value in metadata if key == "reason"]
            call.outcome = RPCError(
                frame.code & 0xFF, body.decode(errors="replace"), (reasons or [None])[0],
                [pair for pair in metadata if pair[0] != "reason"],
                bool(frame.code >> 8 & 1))

    def end(self, error):
        """Fails every call and raises `error`, or what the server said before."""
        error = self.going_away or error
        for call in list(self.calls.values()):
            self.release(call)
            call.outcome = RPCError(UNAVAILABLE, error.message)
        raise error
