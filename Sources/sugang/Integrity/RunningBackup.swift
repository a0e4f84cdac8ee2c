import Contracts
import Foundation
import FramedRPC
import SugangServices

/// Copies the data of all running services as they were at one instant; why that is a state to
/// start from is told at the services' side, `BackupDesk`.
struct RunningBackup: Sendable {
  /// How often the writers are held, until they were all held at once.
  private static let tries = 3
  private static let holdMilliseconds: Int32 = 2000
  private static let shortCall = CallOptions(timeout: .seconds(10))
  private static let copyCall = CallOptions(timeout: .seconds(290))

  let doors: ServiceDoors
  let services = ServiceDoors.withData

  /// - Parameter folder: absolute, and empty.
  func run(to folder: String) async throws -> BackupManifest {
    let id = "\(UUID())"
    do {
      try await self.hold(id)
      let copied = try await self.each { client, _ in
        try await client.copy(.init(backupID: id, folder: folder), options: Self.copyCall).files
      }
      return BackupManifest(
        madeAt: BackupFolder.now(),
        files: copied.values.joined().map(BackupManifest.File.init))
    } catch {
      await self.discard(id)
      throw error
    }
  }

  /// Holds all writers at once, and lets them go.
  private func hold(_ id: String) async throws {
    for _ in 0..<Self.tries {
      _ = try await self.each { client, _ in
        try await client.hold(
          .init(backupID: id, holdMs: Self.holdMilliseconds), options: Self.shortCall)
      }
      // All have answered, and none is released yet: this is the instant.
      let wereHeld = try await self.each { client, _ in
        try await client.release(.init(backupID: id), options: Self.shortCall).wasHeld
      }
      if wereHeld.values.allSatisfy({ $0 }) { return }
      await self.discard(id)
    }
    throw CommandFailure(
      "the services could not be held at the same time; try again when they have less to do")
  }

  private func discard(_ id: String) async {
    _ = try? await self.each { client, _ in
      try await client.discard(.init(backupID: id), options: Self.shortCall)
    }
  }

  /// Asks all services at the same time, over connections of their own.
  private func each<Answer: Sendable>(
    _ ask: @escaping @Sendable (AdminV1.BackupServiceClient, ServiceName) async throws -> Answer
  ) async throws -> [ServiceName: Answer] {
    try await withThrowingTaskGroup(of: (ServiceName, Answer).self) { group in
      for service in self.services {
        group.addTask {
          let answer = try await self.doors.call(service) {
            try await ask(AdminV1.BackupServiceClient($0), service)
          }
          return (service, answer)
        }
      }
      return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
    }
  }
}
