import Foundation
import FramedRPC
import NIOCore
import Synchronization
import Testing

@Suite("Finding endpoints", .timeLimit(.minutes(1)))
struct ResolverTests {
  /// What a resolver says, one after the other.
  private struct Updates: Sendable {
    let stream: AsyncStream<ResolverUpdate>

    func next() async -> ResolverUpdate? { await self.stream.first { _ in true } }
  }

  /// The updates of a resolver that runs until the test ends.
  private static func withUpdates(
    of resolver: some RPCResolver, _ body: (Updates) async throws -> Void
  ) async throws {
    let (stream, continuation) = AsyncStream<ResolverUpdate>.makeStream()
    let running = Task { await resolver.run { continuation.yield($0) } }
    do {
      try await body(Updates(stream: stream))
    } catch {
      running.cancel()
      throw error
    }
    running.cancel()
    await running.value
  }

  private static func tcp(_ host: String, _ port: Int) -> RPCAddress {
    .tcp(host: host, port: port)
  }

  // MARK: targets

  @Test(
    "targets",
    arguments: [
      ("127.0.0.1:9083", RPCTarget.fixed([tcp("127.0.0.1", 9083)])),
      ("[::1]:9083", .fixed([tcp("::1", 9083)])),
      ("unix:/run/pay.sock", .fixed([.unix(path: "/run/pay.sock")])),
      ("static:a:1,b:2", .fixed([tcp("a", 1), tcp("b", 2)])),
      ("static:a:1, [::1]:2,unix:/x", .fixed([tcp("a", 1), tcp("::1", 2), .unix(path: "/x")])),
      ("dns:pay.internal:9083", .dns(host: "pay.internal", port: 9083)),
      ("dns:[::1]:9083", .dns(host: "::1", port: 9083)),
      ("file:/etc/sugang/pay", .file("/etc/sugang/pay")),
      // Hosts that are called so.
      ("dns:9083", .fixed([tcp("dns", 9083)])),
      ("static:9083", .fixed([tcp("static", 9083)])),
    ])
  func target(_ text: String, _ target: RPCTarget) {
    #expect(RPCTarget(text) == target)
    #expect(RPCTarget(target.description) == target, "\(target)")
  }

  @Test(
    "no targets",
    arguments: [
      "", "pay", "static:", "static:a:1,", "static:a:1,b", "dns:", "dns:pay", "file:", "file:pay",
      "a:1,b:2", "unix:", "a:70000",
    ])
  func noTarget(_ text: String) {
    #expect(RPCTarget(text) == nil)
  }

  // MARK: file

  private static func freshFile() -> String {
    FileManager.default.temporaryDirectory.appendingPathComponent(
      "endpoints-\(UUID().uuidString)"
    ).path
  }

  private static func write(_ text: String, to path: String) throws {
    try Data(text.utf8).write(to: URL(filePath: path), options: .atomic)
  }

  @Test("a file is read again when it has changed; a malformed one is reported")
  func file() async throws {
    let path = Self.freshFile()
    defer { try? FileManager.default.removeItem(atPath: path) }
    try Self.write("# who serves\na:1\n\n  b:2  # the second\r\nunix:/c\n", to: path)
    let time = ManualClock()
    let resolver = FileResolver(path: path, pollInterval: .seconds(1), clock: time.clock)
    try await Self.withUpdates(of: resolver) { updates in
      #expect(
        await updates.next()
          == .endpoints([Self.tcp("a", 1), Self.tcp("b", 2), .unix(path: "/c")]))
      func change(to text: String) async throws {
        await time.waitForSleepers(1)
        try Self.write(text, to: path)
        time.advance(by: .seconds(1))
      }
      try await change(to: "a:1\nnonsense\n")
      #expect(await updates.next() == .failure("\(path): line 2: 'nonsense' is no address"))
      try await change(to: "")
      #expect(await updates.next() == .failure("\(path): it lists no address"))
      try await change(to: "a:3\n")
      #expect(await updates.next() == .endpoints([Self.tcp("a", 3)]))
      await time.waitForSleepers(1)
      try FileManager.default.removeItem(atPath: path)
      time.advance(by: .seconds(1))
      #expect(await updates.next() == .failure("\(path): No such file or directory"))
      try await change(to: "a:3\n")
      #expect(await updates.next() == .endpoints([Self.tcp("a", 3)]), "the report is over")
    }
  }

  @Test("only a regular file of a sane size is read")
  func noFile() async throws {
    let folder = FileManager.default.temporaryDirectory.path
    try await Self.withUpdates(of: FileResolver(path: folder)) { updates in
      #expect(await updates.next() == .failure("\(folder): it is no regular file"))
    }
    let path = Self.freshFile()
    defer { try? FileManager.default.removeItem(atPath: path) }
    let line = "a:1\n"
    try Self.write(
      String(repeating: line, count: FileResolver.maxFileBytes / line.utf8.count + 1), to: path)
    try await Self.withUpdates(of: FileResolver(path: path)) { updates in
      guard case .failure(let reason) = await updates.next() else {
        Issue.record("a file that is too large was read")
        return
      }
      #expect(reason.hasSuffix("are more than \(FileResolver.maxFileBytes)"))
    }
  }

  // MARK: DNS

  @Test("localhost has the loopback addresses")
  func localhost() async throws {
    try await Self.withUpdates(of: DNSResolver(host: "localhost", port: 9083)) { updates in
      guard case .endpoints(let endpoints) = await updates.next() else {
        Issue.record("localhost has no address")
        return
      }
      #expect(!endpoints.isEmpty)
      #expect(Set(endpoints).count == endpoints.count)
      #expect(Set(endpoints).isSubset(of: [Self.tcp("127.0.0.1", 9083), Self.tcp("::1", 9083)]))
    }
  }

  @Test("a name that cannot be is reported")
  func noName() async throws {
    try await Self.withUpdates(of: DNSResolver(host: "a name with spaces", port: 1)) { updates in
      guard case .failure(let reason) = await updates.next() else {
        Issue.record("a name with spaces has an address")
        return
      }
      #expect(reason.hasPrefix("cannot resolve a name with spaces: "))
    }
  }

  @Test("a name is asked for again at its interval, sooner after a loss, and soon after a failure")
  func again() async throws {
    let time = ManualClock()
    let questions = Atomic(0)
    let answers: [[String]] = [["10.0.0.1"], ["10.0.0.1", "10.0.0.2"], ["10.0.0.2"], [], ["::2"]]
    let resolver = DNSResolver(
      host: "pay", port: 5, interval: .seconds(30), minInterval: .seconds(2), clock: time.clock
    ) { _, _ in
      let answer = answers[questions.add(1, ordering: .relaxed).oldValue]
      guard !answer.isEmpty else { throw DNSError(text: "no such name") }
      return answer
    }
    try await Self.withUpdates(of: resolver) { updates in
      #expect(await updates.next() == .endpoints([Self.tcp("10.0.0.1", 5)]))
      await time.waitForSleepers(1)
      time.advance(by: .seconds(2))
      await time.waitForSleepers(1)
      time.advance(by: .seconds(28))
      #expect(
        await updates.next() == .endpoints([Self.tcp("10.0.0.1", 5), Self.tcp("10.0.0.2", 5)]))
      resolver.refresh()
      resolver.refresh()
      await time.waitForSleepers(1)
      #expect(questions.load(ordering: .relaxed) == 2, "not at once")
      time.advance(by: .seconds(2))
      #expect(await updates.next() == .endpoints([Self.tcp("10.0.0.2", 5)]))
      await time.waitForSleepers(1)
      time.advance(by: .seconds(2))
      await time.waitForSleepers(1)
      time.advance(by: .seconds(28))
      #expect(await updates.next() == .failure("cannot resolve pay: no such name"))
      await time.waitForSleepers(1)
      time.advance(by: .seconds(2))
      #expect(await updates.next() == .endpoints([Self.tcp("::2", 5)]))
    }
  }
}
