import Logging
import ServiceLifecycle
import Storage
import TestSupport
import Testing

@testable import SugangServices

@Suite("Hosting a service")
struct HostTests {
  @Test("F11: a database that takes no writes any more ends the service with the reason")
  func storageStops() async throws {
    let database = try self.database(in: try TemporaryFolder())
    let running = Task { try await StorageEndpoint(database: database).run() }

    await #expect(throws: StorageError.self) {
      try await database.write {
        // Rolls the whole transaction back, behind the storage's back.
        try $0.execute("INSERT OR ROLLBACK INTO note (text) VALUES ('there')")
      }
    }

    let error = await #expect(throws: StorageStopped.self) { try await running.value }
    #expect(error?.description.hasPrefix("the database takes no more writes: ") == true)
  }

  @Test("a graceful shutdown closes the database and is no failure")
  func storageCloses() async throws {
    let database = try self.database(in: try TemporaryFolder())
    let group = ServiceGroup(
      configuration: ServiceGroupConfiguration(
        services: [.init(service: StorageEndpoint(database: database))], logger: Self.quiet))
    let running = Task { try await group.run() }

    await group.triggerGracefulShutdown()
    try await running.value

    #expect(!database.isOpen)
  }

  @Test("T47: a service is unready before its doors close")
  func drains() async throws {
    let readiness = Readiness(missing: [])
    let door = Door(readiness: readiness)
    let group = ServiceGroup(
      configuration: ServiceGroupConfiguration(
        services: [
          .init(service: door),
          .init(service: DrainNotice(readiness: readiness, delay: .milliseconds(1))),
        ], logger: Self.quiet))
    let running = Task { try await group.run() }
    #expect(await readiness.reasonsNotReady().isEmpty)

    await group.triggerGracefulShutdown()
    try await running.value

    #expect(await door.reasonsOnClosing == ["draining"])
  }

  private func database(in folder: TemporaryFolder) throws -> SQLiteDatabase {
    let migration = Migration(
      name: "note-001",
      sql: """
        CREATE TABLE note (text TEXT NOT NULL UNIQUE) STRICT;
        INSERT INTO note (text) VALUES ('there');
        """)
    return try SQLiteDatabase(
      path: folder.path + "/note.sqlite", migrations: [migration], logger: Self.quiet)
  }

  private static let quiet: Logger = {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    return logger
  }()
}

/// A door that notes, when it is told to close, why its service is not ready.
private actor Door: Service {
  private let readiness: Readiness
  private(set) var reasonsOnClosing: [String] = []

  init(readiness: Readiness) {
    self.readiness = readiness
  }

  func run() async throws {
    try? await gracefulShutdown()
    self.reasonsOnClosing = await self.readiness.reasonsNotReady()
  }
}
