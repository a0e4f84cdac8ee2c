import FramedRPC
import NIOCore
import Synchronization
import Testing

@Suite("Interceptors of a client")
struct ClientInterceptorTests {
  @Test("ttrpc: chained, the first is the outermost")
  func order() async throws {
    let journal = Journal()
    let channel = MirrorChannel()
      .intercepted(by: [ClientStep.noting("a", in: journal), ClientStep.noting("b", in: journal)])
      .intercepted(by: [ClientStep.noting("c", in: journal)])
    #expect(try await channel.call(MirrorChannel.call()) == MirrorChannel.request)
    #expect(journal.text == "c> a> b> <b <a <c")
  }

  @Test("without any, the channel is the very same")
  func none() throws {
    let channel = MirrorChannel()
    let same = try #require(channel.intercepted(by: []) as? MirrorChannel)
    #expect(same === channel)
  }

  @Test("the limits of the channel hold behind interceptors")
  func limits() {
    struct Narrow: RPCChannel {
      var decodeLimits: DecodeLimits { DecodeLimits(maxDepth: 7) }
      func call(_ call: RPCCall) async throws -> ByteBuffer { call.request }

      func open(_ call: RPCCall, kind: RPCKind) async throws -> RPCByteStream {
        throw RPCError(.unimplemented, "no streams here")
      }
    }
    let channel = Narrow().intercepted(by: [ClientStep { try await $1($0) }])
    #expect(channel.decodeLimits.maxDepth == 7)
  }

  @Test("one that throws refuses the call: nothing is sent")
  func refusal() async {
    let mirror = MirrorChannel()
    let journal = Journal()
    let channel = mirror.intercepted(by: [
      ClientStep.noting("a", in: journal),
      ClientStep { _, _ in throw RPCError(.failedPrecondition, "no") },
    ])
    let error = await rpcError { _ = try await channel.call(MirrorChannel.call()) }
    #expect(error?.status == .failedPrecondition)
    #expect(mirror.calls.isEmpty)
    #expect(journal.text == "a> !a:failedPrecondition")
  }

  @Test("whatever an interceptor throws, the caller gets an RPCError")
  func errors() async {
    struct Broken: Error {}
    let broken = MirrorChannel().intercepted(by: [ClientStep { _, _ in throw Broken() }])
    let first = await rpcError { _ = try await broken.call(MirrorChannel.call()) }
    #expect(first?.status == .unknown)
    let cancelled = MirrorChannel()
      .intercepted(by: [ClientStep { _, _ in throw CancellationError() }])
    let second = await rpcError { _ = try await cancelled.call(MirrorChannel.call()) }
    #expect(second?.status == .cancelled)
    let below = MirrorChannel(failure: RPCError(.dataLoss, "gone", reason: "disk"))
      .intercepted(by: [ClientStep { try await $1($0) }])
    let third = await rpcError { _ = try await below.call(MirrorChannel.call()) }
    #expect(third == RPCError(.dataLoss, "gone", reason: "disk"))
  }

  @Test("options that an interceptor changes are those that are sent; the rest stays")
  func options() async throws {
    let mirror = MirrorChannel()
    let channel = mirror.intercepted(by: [
      ClientStep { call, next in
        var call = call
        call.options.timeout = .seconds(9)
        call.options.waitForReady = true
        try call.options.metadata.set("colour", "green")
        return try await next(call)
      }
    ])
    var options = CallOptions(timeout: nil)
    try options.metadata.append("colour", "red")
    try options.metadata.append("size", "1")
    _ = try await channel.call(MirrorChannel.call(options))
    let sent = try #require(mirror.calls.first)
    #expect(sent.method == "a.Service/Do")
    #expect(sent.methodHash == MirrorChannel.call().methodHash)
    #expect(sent.options.timeout == .seconds(9))
    #expect(sent.options.waitForReady)
    #expect(sent.options.metadata.entries.map(\.key) == ["colour", "size"])
    #expect(sent.options.metadata["colour"] == "green")
  }

  @Test("a call may be handed on again, and each time is counted")
  func again() async throws {
    let seen = Mutex<CallTraffic.Count?>(nil)
    let mirror = MirrorChannel()
    let channel = mirror.intercepted(by: [
      ClientStep { call, next in
        _ = try await next(call)
        let answer = try await next(call)
        seen.withLock { $0 = call.traffic.sent }
        return answer
      }
    ])
    _ = try await channel.call(MirrorChannel.call())
    #expect(mirror.calls.count == 2)
    let bytes = MirrorChannel.request.readableBytes
    #expect(seen.withLock { $0?.messages } == 2)
    #expect(seen.withLock { $0?.bytes } == 2 * bytes)
  }

  @Test("the request id is the call's own, else that of the call being answered")
  func requestID() async throws {
    let seen = Mutex<[String?]>([])
    let channel = MirrorChannel().intercepted(by: [
      ClientStep { call, next in
        seen.withLock { $0.append(call.requestID) }
        return try await next(call)
      }
    ])
    var own = CallOptions()
    try own.metadata.append(RPCContext.requestIDKey, "mine")
    var outer = RPCMetadata()
    try outer.append(RPCContext.requestIDKey, "theirs")
    let options = own
    try await RPCContext.$current.withValue(RPCContext(metadata: outer)) {
      _ = try await channel.call(MirrorChannel.call(options))
      _ = try await channel.call(MirrorChannel.call())
    }
    _ = try await channel.call(MirrorChannel.call())
    #expect(seen.withLock { $0 } == ["mine", "theirs", nil])
  }
}

@Suite("The status that an error stands for")
struct ErrorStatusTests {
  @Test("as the caller will see it")
  func status() {
    struct Other: Error {}
    #expect(RPCStatus(of: RPCError(.notFound, "")) == .notFound)
    #expect(RPCStatus(of: RPCError(.ok, "")) == .internal)
    #expect(RPCStatus(of: Other()) == .internal)
    #expect(RPCStatus(of: CancellationError()) == .cancelled)
    #expect(RPCStatus(of: CancellationError(), deadline: .distantFuture) == .cancelled)
    #expect(RPCStatus(of: CancellationError(), deadline: .distantPast) == .deadlineExceeded)
    #expect(RPCStatus(of: RPCError(.cancelled, ""), deadline: .distantPast) == .deadlineExceeded)
    #expect(RPCStatus(of: RPCError(.aborted, ""), deadline: .distantPast) == .aborted)
  }
}
