"""A client of FramedRPC, written from docs/framed-rpc-protocol.md alone.

Standard library only: messages are bytes here, whatever makes them. One thread, one socket; calls
overlap because `start` and `open` do not wait, and whoever waits reads frames for everybody.
"""

import collections
import socket
import struct
import time
from dataclasses import dataclass, field

MAGIC = bytes.fromhex("f5465250430d0a1a")
HEADER = struct.Struct("<IBBHII")

HELLO, SETTINGS, REQUEST, RESPONSE, RESET, PING, PONG, GOAWAY, DATA, WINDOW = range(1, 11)
DRAIN = 0x8B
MSG, END, MORE, META = 0x01, 0x02, 0x04, 0x08
SLOT_BY_HASH = 0xFFFF
OF_STREAM, OF_CONNECTION = 0, 1  # aux of WINDOW
CHUNK = 65_536  # longest body of a DATA frame
CONNECTION = 0  # the stream of frames that belong to no call

# Statuses that the client itself gives, and the reasons of GOAWAY.
OK, CANCELLED, INVALID_ARGUMENT, DEADLINE_EXCEEDED = 0, 1, 3, 4
RESOURCE_EXHAUSTED, FAILED_PRECONDITION, UNIMPLEMENTED, INTERNAL, UNAVAILABLE = 8, 9, 12, 13, 14
(SHUTDOWN, NOT_FRAMED_RPC, UNSUPPORTED_VERSION, FRAME_TOO_LARGE, RESERVED_FLAG,
 UNKNOWN_FRAME_TYPE, MALFORMED_FRAME, STREAM_IN_USE, TIMEOUT, UNEXPECTED_FRAME,
 FLOW_CONTROL) = range(11)


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


def cost(length):
    """What a DATA frame with MSG costs of both windows."""
    return HEADER.size + length


@dataclass
class Streaming:
    """What an end takes in DATA: feature 4."""

    stream_window: int = 256 * 1024
    connection_window: int = 4 * 1024 * 1024
    max_message: int = 4 * 1024 * 1024

    def encode(self):
        return struct.pack("<III", self.stream_window, self.connection_window, self.max_message)

    @classmethod
    def decode(cls, value):
        stream, connection, message = struct.unpack_from("<III", value)
        return cls(max(stream, 131_072), max(connection, 1_048_576), max(message, 65_536))


class Credit:
    """What the server lets us send, counted from the beginning."""

    def __init__(self, limit):
        self.limit, self.used = limit, 0

    def allows(self, amount):
        return self.used + amount <= self.limit

    def raise_to(self, limit):
        self.limit = max(self.limit, limit)


class Allowance:
    """What we let the server send."""

    def __init__(self, window):
        self.window, self.limit, self.received = window, window, 0

    def receive(self, amount):
        self.received += amount
        if self.received > self.limit:
            raise ConnectionEnded(FLOW_CONTROL, "the server sent more than it was allowed")

    def next_limit(self, unread=0):
        """The limit to tell, when it is half a window more or a whole chunk may wait for it."""
        limit = self.received + max(0, self.window - unread)
        worth = self.window // 2
        if self.limit - self.received < cost(CHUNK):
            worth = self.window // 8
        if limit < self.limit + worth:
            return None
        self.limit = limit
        return limit


class Call:
    """One call on its way: its messages, and its end."""

    def __init__(self, connection, stream, deadline):
        self.connection, self.stream, self.deadline = connection, stream, deadline
        self.outcome = None  # True when the call went well, or an exception
        self.server_microseconds = None
        self.initial_metadata, self.trailing_metadata = None, []
        self.incoming = collections.deque()
        self.unread = 0  # what the messages in `incoming` cost
        self.partial, self.total = None, 0
        self.credit = Credit(connection.server.stream_window if connection.server else 0)
        ours = connection.streaming
        self.allowance = Allowance(ours.stream_window if ours else 0)

    # what the caller does

    def result(self):
        """Waits for the only answer; a deadline that passes gives the call up."""
        self.wait(lambda: False)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        if len(self.incoming) != 1:
            raise RPCError(INTERNAL, f"the server answered with {len(self.incoming)} messages")
        return self.incoming.popleft()

    def receive(self):
        """The next message, or None after the last."""
        self.wait(lambda: self.incoming)
        if self.incoming:
            message = self.incoming.popleft()
            self.unread -= cost(len(message))
            self.grant()
            return message
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return None

    def __iter__(self):
        return iter(self.receive, None)

    def send(self, message, *, end=False):
        """Sends a message as both windows allow; raises when the call has failed meanwhile."""
        if len(message) > self.connection.server.max_message:
            raise RPCError(RESOURCE_EXHAUSTED, "the message is too large")
        if len(message) <= CHUNK:
            return self.send_data(MSG | (END if end else 0), message)
        rest = struct.pack("<I", len(message)) + message
        while len(rest) > CHUNK:
            self.send_data(MSG | MORE, rest[:CHUNK])
            rest = rest[CHUNK:]
        self.send_data(MSG | (END if end else 0), rest)

    def send_data(self, flags, body):
        amount = cost(len(body))
        connection = self.connection
        self.wait(lambda: self.credit.allows(amount) and connection.credit.allows(amount))
        if self.outcome is not None:
            raise (self.outcome if isinstance(self.outcome, Exception)
                   else RPCError(FAILED_PRECONDITION, "the call is over"))
        self.credit.used += amount
        connection.credit.used += amount
        connection.send(Frame(DATA, flags, stream=self.stream, body=body))

    def end(self):
        if self.outcome is None:
            self.connection.send(Frame(DATA, END, stream=self.stream))

    def cancel(self):
        if self.outcome is None:
            self.give_up(CANCELLED, "the caller cancelled the call")

    def give_up(self, status, message):
        self.connection.send(Frame(RESET, code=status, stream=self.stream))
        self.finish(RPCError(status, message))
        self.incoming.clear()

    # what the connection does

    def wait(self, is_enough):
        """Reads frames until there is enough or the call is over."""
        while self.outcome is None and not is_enough():
            try:
                self.connection.pump(self.deadline)
            except TimeoutError:
                self.give_up(DEADLINE_EXCEEDED, "no answer before the deadline")

    def finish(self, outcome):
        self.connection.release(self)
        self.outcome, self.partial, self.total = outcome, None, 0

    def take_data(self, frame):
        if frame.flags & META:
            self.initial_metadata, _ = decode_metadata(frame.body)
            return
        self.allowance.receive(cost(len(frame.body)))
        body = frame.body
        if self.partial is None and frame.flags & MORE:
            (self.total,) = struct.unpack_from("<I", body)
            self.partial, body = bytearray(), body[4:]
            if self.total > self.connection.streaming.max_message:
                return self.give_up(RESOURCE_EXHAUSTED, "the answer is too large")
        if self.partial is not None:
            self.partial += body
            if not frame.flags & MORE:
                if len(self.partial) != self.total:
                    raise ConnectionEnded(MALFORMED_FRAME, "the chunks are not the message")
                body, self.partial = bytes(self.partial), None
        if not frame.flags & MORE:
            self.deliver(body)
        self.grant()

    def deliver(self, message):
        self.incoming.append(message)
        self.unread += cost(len(message))

    def grant(self):
        if self.outcome is None and self.connection.grants:
            limit = self.allowance.next_limit(self.unread)
            if limit is not None:
                self.connection.send_window(self.stream, OF_STREAM, limit)


class Connection:
    """One connection to a server."""

    def __init__(self, host, port, *, version=1, max_frame_bytes=1 << 20, wait=True,
                 streaming=Streaming()):
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
        self.streaming = streaming  # what we take in DATA; None without streams
        self.server = None          # what the server takes
        self.credit = Credit(0)
        self.allowance = Allowance(streaming.connection_window if streaming else 0)
        self.grants, self.answers_pings = True, True
        self.min_ping_interval = 0
        self.is_draining, self.going_away = False, None
        self.pongs = []
        features = [(1, struct.pack("<I", max_frame_bytes))]
        if streaming:
            features.append((4, streaming.encode()))
        self.send_bytes(
            MAGIC + Frame(HELLO, body=encode_handshake(version, features)).encode())
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

    def start(self, method, message, **options):
        """Sends the only request of a call and does not wait for its answer."""
        if len(message) <= CHUNK or not self.server:
            return self.begin(method, MSG | END, message, **options)
        call = self.open(method, **options)
        call.send(message)
        call.end()
        return call

    def open(self, method, **options):
        """Begins a call whose requests are still to be sent."""
        if not self.server:
            raise RPCError(UNIMPLEMENTED, "there are no streams", not_processed=True)
        return self.begin(method, 0, b"", **options)

    def begin(self, method, flags, message, *, timeout=None, metadata=(), by_hash=False):
        deadline = None if timeout is None else time.monotonic() + timeout
        remaining = 0 if timeout is None else int(timeout * 1_000_000)
        if timeout is not None and remaining <= 0:
            raise RPCError(DEADLINE_EXCEEDED, "the deadline has passed", not_processed=True)
        slot = SLOT_BY_HASH if by_hash else self.slots.get(method, SLOT_BY_HASH)
        body = b""
        if metadata:
            flags, body = flags | META, encode_metadata(metadata)
        if slot == SLOT_BY_HASH:
            body += struct.pack("<Q", method_hash(method))
        body += message
        if self.going_away or self.is_draining:
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
                call.finish(RPCError(
                    frame.code & 0xFF, frame.body.decode(errors="replace"),
                    not_processed=bool(frame.code >> 8 & 1)))
        elif frame.type == DATA:
            self.take_data(frame)
        elif frame.type == WINDOW:
            (limit,) = struct.unpack("<Q", frame.body)
            if frame.aux == OF_CONNECTION:
                self.credit.raise_to(limit)
            elif frame.stream in self.calls:
                self.calls[frame.stream].credit.raise_to(limit)
        elif frame.type == DRAIN:
            self.is_draining = True
        elif frame.type == PING:
            if self.answers_pings:
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
        if 4 in features and self.streaming:
            self.server = Streaming.decode(features[4])
            self.credit.raise_to(self.server.connection_window)
        if 5 in features:
            (self.min_ping_interval,) = struct.unpack_from("<I", features[5])
        table, offset = features.get(3, b""), 0
        while offset < len(table):
            value, length = struct.unpack_from("<QH", table, offset)
            name = table[offset + 10:offset + 10 + length].decode()
            assert value == method_hash(name)
            self.slots[name] = len(self.slots)
            offset += 10 + length

    def take_data(self, frame):
        """Counts DATA, also that of a call that is over."""
        if frame.flags & END or not self.streaming:
            raise ConnectionEnded(MALFORMED_FRAME, "a server sends no such DATA")
        if frame.flags & MSG:
            self.allowance.receive(cost(len(frame.body)))
        call = self.calls.get(frame.stream)
        if call:
            call.take_data(frame)
        if self.grants:
            limit = self.allowance.next_limit()
            if limit is not None:
                self.send_window(CONNECTION, OF_CONNECTION, limit)

    def send_window(self, stream, whose, limit):
        self.send(Frame(WINDOW, stream=stream, aux=whose, body=struct.pack("<Q", limit)))

    def take_response(self, frame):
        call = self.calls.get(frame.stream)
        if call is None:
            return  # late
        assert frame.flags & END
        metadata, body = [], frame.body
        if frame.flags & META:
            metadata, body = decode_metadata(body)
        call.server_microseconds, call.trailing_metadata = frame.aux, metadata
        if frame.code & 0xFF == OK:
            if call.partial is not None:
                raise ConnectionEnded(MALFORMED_FRAME, "the answer ends within a message")
            if frame.flags & MSG:
                call.deliver(body)
            call.finish(True)
        else:
            reasons = [value.decode() for key, value in metadata if key == "reason"]
            call.finish(RPCError(
                frame.code & 0xFF, body.decode(errors="replace"), (reasons or [None])[0],
                [pair for pair in metadata if pair[0] != "reason"],
                bool(frame.code >> 8 & 1)))

    def end(self, error):
        """Fails every call and raises `error`, or what the server said before."""
        error = self.going_away or error
        for call in list(self.calls.values()):
            call.finish(RPCError(UNAVAILABLE, error.message))
        raise error
