import ServiceLifecycle
import Storage

/// Keeps a service's database open until everything that uses it has stopped.
///
/// A database that takes no writes any more ends the service: only a process that opens it anew can
/// know the state of the disk, and the supervisor starts one.
struct StorageEndpoint: Service {
  let database: any TransactionalDatabase

  func run() async throws {
    let (reasons, reason) = AsyncStream<String>.makeStream()
    self.database.whenStopped { reason.yield($0) }
    for await why in reasons.cancelOnGracefulShutdown() {
      await self.database.close()
      throw StorageStopped(reason: why)
    }
    await self.database.close()
  }
}

/// A commit failed, so that the service cannot go on.
struct StorageStopped: Error, CustomStringConvertible {
  let reason: String

  var description: String { "the database takes no more writes: \(self.reason)" }
}
