import FramedRPC
import FramedRPCObservability
import Logging
import Synchronization
import Testing
import W3CTrace

@Suite("Calls in the log", .timeLimit(.minutes(1)))
struct LoggingInterceptorTests {
  /// Keeps what is logged.
  private final class Lines: Sendable {
    private let lines = Mutex<[(level: Logger.Level, message: String, metadata: [String: String])]>(
      [])

    var all: [(level: Logger.Level, message: String, metadata: [String: String])] {
      self.lines.withLock { $0 }
    }

    func logger(_ level: Logger.Level) -> Logger {
      Logger(label: "test") { _ in Handler(lines: self, logLevel: level) }
    }

    private struct Handler: LogHandler {
      let lines: Lines
      var logLevel: Logger.Level
      var metadata: Logger.Metadata = [:]

      subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
      }

      func log(event: LogEvent) {
        let metadata = (event.metadata ?? [:]).mapValues { "\($0)" }
        self.lines.lines.withLock { $0.append((event.level, "\(event.message)", metadata)) }
      }
    }
  }

  @Test("one line for each call, on both sides, as loud as its outcome")
  func lines() async throws {
    let server = Lines()
    let client = Lines()
    try await Toy().serving([LoggingInterceptor(server.logger(.trace))]) { channel in
      let channel = channel.intercepted(by: [
        LoggingInterceptor(client.logger(.trace), peer: "toy")
      ])
      try await Toy.call(channel, metadata: [(RPCContext.requestIDKey, "r-1")])
      for status in [RPCStatus.notFound, .unavailable, .internal] {
        await #expect(throws: RPCError.self) { try await Toy.call(channel, failWith: status) }
      }
    }
    for (lines, message) in [(server.all, "call answered"), (client.all, "call made")] {
      #expect(lines.map(\.message) == Array(repeating: message, count: 4))
      #expect(lines.map(\.level) == [.debug, .info, .notice, .error])
      #expect(
        lines.map { $0.metadata["rpc.status"] } == ["ok", "notFound", "unavailable", "internal"])
      #expect(lines.allSatisfy { $0.metadata["rpc.method"] == Toy.echo })
      #expect(lines.allSatisfy { $0.metadata["duration"]?.hasSuffix("seconds") == true })
      #expect(lines.map { $0.metadata["request.id"] } == ["r-1", "", "", ""])
      #expect(lines.allSatisfy { $0.metadata["trace.id"] == nil })
    }
    #expect(server.all.allSatisfy { $0.metadata["rpc.peer"] == nil })
    #expect(client.all.allSatisfy { $0.metadata["rpc.peer"] == "toy" })
  }

  @Test("what is not loud enough is not written")
  func levels() async throws {
    let lines = Lines()
    let interceptor = LoggingInterceptor(lines.logger(.info)) { $0 == .ok ? .debug : .info }
    try await Toy().serving([interceptor]) { channel in
      try await Toy.call(channel)
      await #expect(throws: RPCError.self) { try await Toy.call(channel, failWith: .aborted) }
    }
    #expect(lines.all.map { $0.metadata["rpc.status"] } == ["aborted"])
  }

  @Test("nothing that a message says is written")
  func privacy() async throws {
    let lines = Lines()
    try await Toy().serving([LoggingInterceptor(lines.logger(.trace))]) { channel in
      await #expect(throws: RPCError.self) {
        try await Toy.call(channel, text: "hong-gil-dong", failWith: .notFound)
      }
    }
    #expect(lines.all.count == 1)
    #expect(!"\(lines.all)".contains("hong"))
  }

  @Test("a line names the trace of its call")
  func trace() async throws {
    let lines = Lines()
    try await Toy().serving([TracingInterceptor(), LoggingInterceptor(lines.logger(.trace))]) {
      try await Toy.call(
        $0,
        metadata: [("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")])
    }
    #expect(lines.all.map { $0.metadata["trace.id"] } == ["4bf92f3577b34da6a3ce929d0e0e4736"])
  }
}
