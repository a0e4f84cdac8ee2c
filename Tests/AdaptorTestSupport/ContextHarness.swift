import AdaptorSupport
import Contracts
import EventLog
import Foundation
import FramedRPC
import HTTPClientKit
import Kernel
import Logging
import NIOPosix
import RESTSupport
import ServiceLifecycle
import Storage
import TestSupport

/// How a contract suite reaches a port.
package enum Way: String, CaseIterable, Sendable, CustomStringConvertible {
  case application
  case rpc
  case rest

  package var description: String { "through \(self.rawValue)" }
}

/// One context on a real database in a folder of its own, with its servers: what a contract suite
/// runs against.
package final class ContextHarness: Sendable {
  package let folder: TemporaryFolder
  package let database: SQLiteDatabase
  package let outbox: Outbox
  package let context: SQLContext
  package let clock: ManualWallClock

  package convenience init(source: String, migrations: [Migration]) throws {
    try self.init(source: source, migrations: migrations, in: try TemporaryFolder())
  }

  /// On a database that an older version made, which did not know the migrations `names`, and filled.
  package convenience init(
    source: String, migrations: [Migration], without names: [String], filledBy sql: String
  ) async throws {
    let folder = try TemporaryFolder()
    let older = try SQLiteDatabase(
      path: Self.path(in: folder), migrations: migrations.filter { !names.contains($0.name) },
      logger: Self.quiet)
    try await older.write { try $0.execute(sql) }
    await older.close()
    try self.init(source: source, migrations: migrations, in: folder)
  }

  private static func path(in folder: TemporaryFolder) -> String {
    folder.path + "/test.sqlite"
  }

  private init(source: String, migrations: [Migration], in folder: TemporaryFolder) throws {
    self.folder = folder
    self.database = try SQLiteDatabase(
      path: Self.path(in: folder), migrations: migrations, logger: Self.quiet)
    self.outbox = Outbox(source: source, database: self.database)
    self.clock = ManualWallClock()
    self.context = SQLContext(database: self.database, outbox: self.outbox, clock: self.clock)
  }

  package static let quiet: Logger = {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    return logger
  }()

  /// The types of the events raised so far, in order.
  package func eventTypes() async throws -> [String] {
    try await self.outbox.events(after: 0, limit: 10_000).events.map(\.type)
  }

  /// Serves `services` in-process while `body` runs with a channel to them.
  package func withRPC<Answer: Sendable>(
    _ services: [RPCService], _ body: (any RPCChannel) async throws -> Answer
  ) async throws -> Answer {
    try await Self.withRPC(services, body)
  }

  /// The same without a store.
  package static func withRPC<Answer: Sendable>(
    _ services: [RPCService], _ body: (any RPCChannel) async throws -> Answer
  ) async throws -> Answer {
    let network = InProcessNetwork()
    let group = MultiThreadedEventLoopGroup.singleton
    let server = try RPCServer(services: services, group: group)
    try await server.listen(on: .inProcess("context", in: network))
    let client = RPCClient(address: .inProcess("context", in: network), group: group)
    let answer: Answer
    do {
      answer = try await body(client)
    } catch {
      client.shutdown()
      await server.shutdown(grace: .seconds(1))
      throw error
    }
    client.shutdown()
    await server.shutdown(grace: .seconds(1))
    return answer
  }

  /// Serves `adaptors` over HTTP on a free port while `body` runs with a client.
  package func withREST<Answer: Sendable>(
    _ adaptors: (Links) -> [any RESTAdaptor],
    _ body: @escaping @Sendable (HTTPClient) async throws -> Answer
  ) async throws -> Answer {
    try await Self.withREST(adaptors, body)
  }

  /// The same without a store.
  package static func withREST<Answer: Sendable>(
    _ adaptors: (Links) -> [any RESTAdaptor],
    _ body: @escaping @Sendable (HTTPClient) async throws -> Answer
  ) async throws -> Answer {
    let (ports, portFound) = AsyncStream<Int>.makeStream()
    var configuration = RESTServerConfiguration(host: "127.0.0.1", port: 0)
    // On a busy machine a test may think for longer than a client of the public may.
    configuration.idleTimeout = .seconds(120)
    let server = RESTServer(
      configuration: configuration,
      routes: Routes(adaptors(Self.links)), tokens: Self.tokens, logger: Self.quiet,
      onListening: { port in
        portFound.yield(port)
        portFound.finish()
      })
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        defer { portFound.finish() }
        try await server.run()
      }
      var iterator = ports.makeAsyncIterator()
      guard let port = await iterator.next() else {
        try await group.waitForAll()
        throw HarnessError.serverDidNotStart
      }
      let answer = try await body(HTTPClient(host: "127.0.0.1", port: port))
      group.cancelAll()
      return answer
    }
  }

  /// What tells REST callers apart in the current task; nil asks nobody.
  @TaskLocal package static var tokens: (any TokenVerifier)?

  package static let links = Links(publicBaseURL: "http://sugang.test")
}

package enum HarnessError: Error {
  case serverDidNotStart
}
