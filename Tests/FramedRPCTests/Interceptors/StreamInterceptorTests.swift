import Contracts
import FramedRPC
import Synchronization
import Testing

@Suite("Interceptors of streams", .timeLimit(.minutes(2)))
struct StreamInterceptorTests {
  typealias Request = FramedrpcV1.StreamRequest

  /// Tells when a call is over, as an interceptor saw it.
  private final class Ends: Sendable {
    struct End: Hashable, Sendable {
      let kind: RPCKind
      let status: RPCStatus
      let sent: Int
      let received: Int
    }

    private let stream: AsyncStream<End>
    private let ends: AsyncStream<End>.Continuation

    init() {
      (self.stream, self.ends) = AsyncStream.makeStream()
    }

    func next() async -> End? {
      await self.stream.first { _ in true }
    }

    var server: ServerStep {
      ServerStep { call, next in
        try await self.noting(call.kind, call.traffic) { try await next(call) }
      }
    }

    var client: ClientStep {
      ClientStep { call, next in
        try await self.noting(call.kind, call.traffic) { try await next(call) }
      }
    }

    private func noting(
      _ kind: RPCKind, _ traffic: CallTraffic, _ next: () async throws -> CallAnswer
    ) async throws -> CallAnswer {
      func note(_ status: RPCStatus) {
        self.ends.yield(
          End(
            kind: kind, status: status, sent: traffic.sent.messages,
            received: traffic.received.messages))
      }
      do {
        let answer = try await next()
        note(.ok)
        return answer
      } catch {
        note(RPCStatus(of: error))
        throw error
      }
    }
  }

  private static func client(
    _ streams: StreamEndpoint, _ interceptors: any ClientInterceptor...
  ) -> FramedrpcV1.StreamTestServiceClient {
    FramedrpcV1.StreamTestServiceClient(streams.channel.intercepted(by: interceptors))
  }

  @Test("each kind is wrapped whole, with its messages counted", arguments: Transport.allCases)
  func kinds(_ transport: Transport) async throws {
    let server = Ends()
    let client = Ends()
    try await withStreams(transport, interceptors: [server.server]) { streams in
      let caller = Self.client(streams, client.client)
      let download = try await caller.download(
        Request(sizes: [1, 100_000, 0]), options: StreamSuite.patient)
      var count = 0
      for try await _ in download { count += 1 }
      #expect(count == 3)
      #expect(
        await client.next() == .init(kind: .serverStreaming, status: .ok, sent: 1, received: 3))
      #expect(
        await server.next() == .init(kind: .serverStreaming, status: .ok, sent: 3, received: 1))

      let upload = try await caller.upload(options: StreamSuite.patient)
      for _ in 0..<4 { try await upload.requests.write(Request(body: [1])) }
      #expect(try await upload.response().messages == 4)
      #expect(
        await client.next() == .init(kind: .clientStreaming, status: .ok, sent: 4, received: 1))
      #expect(
        await server.next() == .init(kind: .clientStreaming, status: .ok, sent: 1, received: 4))

      let chat = try await caller.chat(options: StreamSuite.patient)
      for _ in 0..<2 {
        try await chat.requests.write(Request(sizes: [1, 2]))
        #expect(try await chat.responses.next() != nil)
        #expect(try await chat.responses.next() != nil)
      }
      chat.requests.finish()
      #expect(try await chat.responses.next() == nil)
      #expect(await client.next() == .init(kind: .bidirectional, status: .ok, sent: 2, received: 4))
      #expect(await server.next() == .init(kind: .bidirectional, status: .ok, sent: 4, received: 2))
    }
  }

  @Test("a large request that is no part of the opening frame is counted once")
  func largeRequest() async throws {
    let client = Ends()
    try await withStreams(.tcp) { streams in
      let download = try await Self.client(streams, client.client).download(
        Request(sizes: [1], body: [UInt8](repeating: 1, count: 200_000)),
        options: StreamSuite.patient)
      while try await download.next() != nil {}
      #expect(
        await client.next() == .init(kind: .serverStreaming, status: .ok, sent: 1, received: 1))
    }
  }

  @Test("a stream that fails is seen to, and its reader gets the error")
  func failure() async throws {
    let server = Ends()
    let client = Ends()
    try await withStreams(.inProcess, interceptors: [server.server]) { streams in
      let download = try await Self.client(streams, client.client).download(
        Request(sizes: [1], failWith: Int32(RPCStatus.aborted.rawValue), text: "so it goes"),
        options: StreamSuite.patient)
      #expect(try await download.next() != nil)
      let error = await rpcError { _ = try await download.next() }
      #expect(error?.status == .aborted)
      #expect(await client.next()?.status == .aborted)
      #expect(await server.next()?.status == .aborted)
    }
  }

  @Test("a server's interceptor refuses a stream before the handler sees it")
  func refusedByServer() async throws {
    let refuse = ServerStep { _, _ in throw RPCError(.permissionDenied, "not you") }
    try await withStreams(.tcp, interceptors: [refuse]) { streams in
      let download = try await streams.client.download(Request(), options: StreamSuite.patient)
      let error = await rpcError { _ = try await download.next() }
      #expect(error?.status == .permissionDenied)
      #expect(streams.handler.counts.ended == 0)
    }
  }

  @Test("a client's interceptor refuses a stream: it is never opened")
  func refusedByClient() async throws {
    try await withStreams(.inProcess) { streams in
      let journal = Journal()
      let caller = Self.client(
        streams, ClientStep.noting("a", in: journal),
        ClientStep { _, _ in throw RPCError(.failedPrecondition, "no") })
      let error = await rpcError { _ = try await caller.chat(options: StreamSuite.patient) }
      #expect(error?.status == .failedPrecondition)
      #expect(journal.text == "a> !a:failedPrecondition")
      #expect(streams.handler.counts.ended == 0)
    }
  }

  @Test("a stream that nobody holds any more is cancelled, interceptors or not")
  func dropped() async throws {
    let client = Ends()
    try await withStreams(.tcp) { streams in
      func begin() async throws {
        let chat = try await Self.client(streams, client.client).chat(options: StreamSuite.patient)
        try await chat.requests.write(Request(text: StreamTestHandler.deaf))
        await streams.handler.wait { $0.received == 1 }
      }
      try await begin()
      await streams.handler.wait { $0.cancelled == 1 }
      #expect(await client.next()?.status == .cancelled)
    }
  }

  @Test("an interceptor that opens a stream twice, or swallows its end, changes nothing for it")
  func twice() async throws {
    let caught = Mutex<RPCStatus?>(nil)
    let (done, end) = AsyncStream<Void>.makeStream()
    let again = ClientStep { call, next in
      let answer = try await next(call)
      do {
        _ = try await next(call)
      } catch {
        caught.withLock { $0 = RPCStatus(of: error) }
        end.finish()
      }
      return answer
    }
    try await withStreams(.inProcess) { streams in
      let download = try await Self.client(streams, again).download(
        Request(sizes: [1]), options: StreamSuite.patient)
      #expect(try await download.next()?.body == [7])
      #expect(try await download.next() == nil)
      for await _ in done {}
      #expect(caught.withLock { $0 } == .internal)
    }
  }

  @Test("a task that is cancelled while a stream is being opened gives it up")
  func cancelledOpening() async throws {
    let (reached, reach) = AsyncStream<Void>.makeStream()
    let stuck = ClientStep { call, next in
      reach.finish()
      try await Task.sleep(for: .seconds(3600))
      return try await next(call)
    }
    try await withStreams(.inProcess) { streams in
      let caller = Self.client(streams, stuck)
      let opening = Task {
        await rpcError { _ = try await caller.chat(options: StreamSuite.patient) }
      }
      for await _ in reached {}
      opening.cancel()
      #expect(await opening.value?.status == .cancelled)
    }
  }

  @Test("limits on the time of calls are not for streams; tokens and changed contexts are")
  func builtIn() async throws {
    let seen = Mutex<[String?]>([])
    let see = ServerStep { call, next in
      seen.withLock { $0.append(call.context.principal?.name) }
      #expect(call.context.deadline == nil)
      return try await next(call)
    }
    let interceptors: [any ServerInterceptor] = [
      ServerDeadline(standard: .seconds(1), longest: .seconds(1)),
      BearerAuthentication(tokens: ["t-1": RPCPrincipal(name: "alice")]), see,
    ]
    try await withStreams(.inProcess, interceptors: interceptors) { streams in
      let caller = Self.client(
        streams, ClientDeadline(standard: .seconds(1), longest: .seconds(1)), BearerToken("t-1"))
      let upload = try await caller.upload(options: StreamSuite.patient)
      #expect(try await upload.response().messages == 0)
      let anonymous = try await streams.client.upload(options: StreamSuite.patient)
      let error = await rpcError { _ = try await anonymous.response() }
      #expect(error?.status == .unauthenticated)
    }
    #expect(seen.withLock { $0 } == ["alice"])
  }
}
