import Contracts
import FramedRPC
import NIOCore
import NIOEmbedded
import Synchronization
import Testing

/// Calls that wait for a place of their server, in virtual time.
@Suite("A server's connection: admission")
struct AdmissionConnectionTests {
  private static func admission(
    limit: Int = 1, maxQueuedCalls: Int = 100, maxQueueTime: Duration = .seconds(10)
  ) -> Admission {
    Admission(
      policy: AdmissionPolicy(
        limit: .fixed(limit), maxQueuedCalls: maxQueuedCalls, maxQueueTime: maxQueueTime,
        criticalReserve: 0, defaultReserve: 0), methods: 2, now: .uptimeNanoseconds(0))
  }

  /// A held call with a priority.
  private static func call(
    _ number: Int64, slot: Int, _ priority: RPCPriority, microseconds: UInt32 = 0
  ) throws -> Frame {
    var metadata = RPCMetadata()
    try metadata.append("priority", priority.rawValue)
    var body = ByteBuffer()
    metadata.write(into: &body)
    body.writeImmutableBuffer(
      try FramedrpcV1.EchoRequest(number: number, delayMs: 1).encoded())
    return Frame(
      .request, flags: [.message, .end, .metadata], stream: .slot(slot), aux: microseconds,
      body: body)
  }

  private static func answered(_ frames: [Frame]) throws -> [Int64] {
    try frames.map { try FramedrpcV1.EchoResponse(decoding: $0.body, limits: .standard).number }
  }

  /// What a refusal says.
  private static func refusal(_ frame: Frame) throws -> (bits: UInt16, metadata: RPCMetadata) {
    var body = frame.body
    return (frame.header.code >> 8, try RPCMetadata(from: &body))
  }

  @Test("over the limit calls wait, and are answered in the order of their priorities")
  func priorities() throws {
    let bench = try ServerBench(admission: Self.admission())
    bench.receive(try ServerBench.heldEcho(0, stream: .slot(0)))
    bench.receive(try Self.call(1, slot: 1, .bulk))
    bench.receive(try Self.call(2, slot: 2, .default))
    bench.receive(try Self.call(3, slot: 3, .critical))
    #expect(bench.handler.snapshot.started == [0])
    for number in 0...3 { bench.handler.release(Int64(number)) }
    #expect(try Self.answered(try bench.sent()) == [0, 3, 2, 1])
  }

  @Test("a call whose deadline passes while it waits is refused then, and never decoded")
  func expiry() throws {
    let admission = Self.admission()
    let bench = try ServerBench(admission: admission)
    bench.receive(try ServerBench.heldEcho(0, stream: .slot(0)))
    // No protobuf: decoding it would be answered INVALID_ARGUMENT.
    bench.receive(
      Frame(
        .request, flags: [.message, .end], stream: .slot(1), aux: 5_000,
        body: HandMade.make { $0.field(1, bytes: [0x61, 0]) }.buffer))
    bench.advance(by: .microseconds(4_999))
    #expect(try bench.sent() == [])
    bench.advance(by: .microseconds(1))
    let frame = try #require(try bench.sent().first)
    #expect(frame.status == .deadlineExceeded)
    #expect(frame.header.stream == .slot(1))
    #expect(try Self.refusal(frame).bits == 0x03)
    #expect(try Self.refusal(frame).metadata["reason"] == "overloaded")
    bench.handler.release(0)
    #expect(try Self.answered(try bench.sent()) == [0])
    #expect(bench.handler.snapshot.started == [0])
    #expect(admission.statistics.refusedExpired.default == 1)
    #expect(admission.statistics.inFlight == 0)
  }

  @Test("a call that waits too long is told to come again; when, is in the metadata")
  func queueTime() throws {
    let admission = Self.admission(maxQueueTime: .milliseconds(40))
    let bench = try ServerBench(admission: admission)
    bench.receive(try ServerBench.heldEcho(0, stream: .slot(0)))
    bench.receive(try ServerBench.heldEcho(1, stream: .slot(1), microseconds: 1_000_000))
    bench.advance(by: .milliseconds(40))
    let frame = try #require(try bench.sent().first)
    #expect(frame.status == .resourceExhausted)
    #expect(try Self.refusal(frame).bits == 0x03)
    #expect(try Self.refusal(frame).metadata["retry-after-ms"] == "50")
    #expect(frame.header.aux == 40_000)
    bench.handler.release(1)
    bench.handler.release(0)
    #expect(try Self.answered(try bench.sent()) == [0])
    #expect(bench.handler.snapshot.started == [0])
    #expect(admission.statistics.refusedQueueTime.default == 1)
  }

  @Test("a full queue: the bulk call that waits is refused for the critical one that comes")
  func eviction() throws {
    let bench = try ServerBench(admission: Self.admission(maxQueuedCalls: 1))
    bench.receive(try ServerBench.heldEcho(0, stream: .slot(0)))
    bench.receive(try Self.call(1, slot: 1, .bulk))
    bench.receive(try Self.call(2, slot: 2, .bulk))
    bench.receive(try Self.call(3, slot: 3, .critical))
    let refused = try bench.sent()
    #expect(refused.map(\.header.stream) == [.slot(2), .slot(1)])
    #expect(refused.map(\.status) == [.resourceExhausted, .resourceExhausted])
    bench.handler.release(0)
    bench.handler.release(3)
    #expect(try Self.answered(try bench.sent()) == [0, 3])
    #expect(bench.handler.snapshot.started == [0, 3])
  }

  @Test("RESET of a call that waits: it never runs, and nobody waits behind it")
  func reset() throws {
    let admission = Self.admission()
    let bench = try ServerBench(admission: admission)
    bench.receive(try ServerBench.heldEcho(0, stream: .slot(0)))
    bench.receive(try ServerBench.heldEcho(1, stream: .slot(1)))
    bench.receive(try ServerBench.heldEcho(2, stream: .slot(2)))
    bench.receive(Frame(.reset, code: 1, stream: .slot(1)))
    bench.handler.release(0)
    bench.handler.release(2)
    #expect(try Self.answered(try bench.sent()) == [0, 2])
    #expect(bench.handler.snapshot.started == [0, 2])
    #expect(admission.statistics.abandoned.default == 1)
    #expect(admission.statistics.inFlight == 0)
  }

  @Test("RESET of the call that has just got the place: the next one gets it")
  func resetRace() throws {
    let admission = Self.admission()
    let other = try ServerBench(admission: admission)
    let bench = try ServerBench(admission: admission)
    other.receive(try ServerBench.heldEcho(0))
    bench.receive(try ServerBench.heldEcho(1, stream: .slot(1)))
    bench.receive(try ServerBench.heldEcho(2, stream: .slot(2)))
    // The place is on its way to 1 while the loop of its connection has not run yet.
    other.handler.release(0)
    other.loop.run()
    #expect(admission.statistics.queued.default == 1)
    bench.receive(Frame(.reset, code: 1, stream: .slot(1)))
    bench.handler.release(2)
    #expect(try Self.answered(try bench.sent()) == [2])
    #expect(bench.handler.snapshot.started == [2])
    #expect(admission.statistics.inFlight == 0)
  }

  @Test("calls that wait count as calls of their connection")
  func connectionLimit() throws {
    let bench = try ServerBench(
      limits: RPCLimits(maxConcurrentCalls: 2), handler: TestHandler(isDeaf: true),
      admission: Self.admission())
    bench.receive(try ServerBench.heldEcho(0, stream: .slot(0)))
    bench.receive(try ServerBench.heldEcho(1, stream: .slot(1)))
    // The slot is free, but its handler runs on, beside the call that waits.
    bench.receive(Frame(.reset, code: 1, stream: .slot(0)))
    bench.receive(try ServerBench.heldEcho(2, stream: .slot(0, 1)))
    let refused = try bench.sent()
    #expect(refused.map(\.status) == [.resourceExhausted])
    #expect(refused.first?.text.contains("at once on one connection") == true)
    // One that waited and left counts no more.
    bench.receive(Frame(.reset, code: 1, stream: .slot(1)))
    bench.receive(try ServerBench.heldEcho(3, stream: .slot(1, 1)))
    #expect(try bench.sent() == [])
    for number in [0, 3] as [Int64] { bench.handler.release(number) }
    #expect(try Self.answered(try bench.sent()) == [3])
  }

  @Test("exempt methods are answered whatever waits")
  func exempt() throws {
    let handler = TestHandler()
    let service = FramedrpcV1.TestService.register(handler, on: .eventLoop)
      .exempt(["framedrpc.v1.TestService/Reflect"])
    let admission = Self.admission(maxQueuedCalls: 0)
    let bench = try ServerBench(handler: handler, service: service, admission: admission)
    bench.receive(try ServerBench.heldEcho(0, stream: .slot(0)))
    bench.receive(try ServerBench.reflect(bytes: 1, stream: .slot(1)))
    bench.receive(try ServerBench.heldEcho(1, stream: .slot(2)))
    #expect(try bench.sent().map(\.status) == [.ok, .resourceExhausted])
    #expect(admission.statistics.admitted.total == 1)
  }

  @Test("a service's priority is that of calls which say none")
  func servicePriority() throws {
    let handler = TestHandler()
    let service = FramedrpcV1.TestService.register(handler, on: .eventLoop)
      .prioritized(.critical)
    let bench = try ServerBench(handler: handler, service: service)
    bench.receive(try ServerBench.echo(.init()))
    bench.receive(try Self.call(1, slot: 1, .bulk))
    var metadata = RPCMetadata()
    try metadata.append("priority", "urgent")
    var body = ByteBuffer()
    metadata.write(into: &body)
    bench.receive(
      Frame(.request, flags: [.message, .end, .metadata], stream: .slot(2), body: body))
    #expect(bench.handler.snapshot.contexts.map(\.priority) == [.critical, .bulk, .default])
  }

  @Test("connections of one server share its limit, and one that ends leaves nothing waiting")
  func sharedLimit() throws {
    let admission = Self.admission()
    let ended = Mutex(0)
    let one = try ServerBench(admission: admission, onEnd: { ended.withLock { $0 += 1 } })
    let other = try ServerBench(admission: admission)
    other.receive(try ServerBench.heldEcho(0))
    one.receive(try ServerBench.heldEcho(1, stream: .slot(0)))
    one.receive(try ServerBench.heldEcho(2, stream: .slot(1)))
    #expect(admission.statistics.queued.default == 2)
    one.connection.wireClosed("gone")
    #expect(ended.withLock { $0 } == 1)
    #expect(admission.statistics.queued.default == 0)
    other.handler.release(0)
    #expect(try Self.answered(try other.sent()) == [0])
    #expect(one.handler.snapshot.started == [])
    #expect(admission.statistics.inFlight == 0)
  }

  @Test("a connection that drains answers the calls that wait")
  func drain() throws {
    let bench = try ServerBench(admission: Self.admission())
    bench.receive(try ServerBench.heldEcho(0, stream: .slot(0)))
    bench.receive(try ServerBench.heldEcho(1, stream: .slot(1)))
    try bench.drain()
    #expect(try bench.sent().map(\.header.type) == [.goAway])
    bench.handler.release(0)
    #expect(try Self.answered(try bench.sent()) == [0])
    #expect(!bench.wire.isClosed)
    bench.handler.release(1)
    #expect(try Self.answered(try bench.sent()) == [1])
    #expect(bench.wire.isClosed)
  }

  @Test("what a handler says of itself: DO_NOT_RETRY travels, OVERLOADED is the runtime's word")
  func handlerErrors() throws {
    var service = RPCService(name: "framedrpc.v1.TestService", execution: .eventLoop)
    service.add(FramedrpcV1.TestService.echo) { _, _ in
      throw RPCError(
        .unavailable, "later", notProcessed: true, overloaded: true, doNotRetry: true)
    }
    let bench = try ServerBench(service: service)
    bench.receive(try ServerBench.echo(.init()))
    #expect(try bench.sent().map { $0.header.code } == [0x040E])
  }

  @Test("without a policy nothing waits")
  func noPolicy() throws {
    let bench = try ServerBench()
    for number in 0..<100 {
      bench.receive(try ServerBench.heldEcho(Int64(number), stream: .slot(number)))
    }
    #expect(bench.handler.snapshot.started.count == 100)
  }
}
