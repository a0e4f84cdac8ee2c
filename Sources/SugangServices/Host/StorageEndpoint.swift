import ServiceLifecycle
import Storage

/// Keeps a service's database open until everything that uses it has stopped.
struct StorageEndpoint: Service {
  let database: SQLiteDatabase

  func run() async throws {
    try? await gracefulShutdown()
    await self.database.close()
  }
}
