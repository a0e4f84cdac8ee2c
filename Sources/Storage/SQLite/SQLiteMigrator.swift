/// Brings a database to the schema of this binary, or refuses a database of a newer one.
struct SQLiteMigrator {
  let path: String
  let migrations: [Migration]

  func run(on connection: SQLiteConnection) throws(StorageError) {
    let names = Set(self.migrations.map(\.name))
    precondition(names.count == self.migrations.count, "two migrations have the same name")
    let applied = try self.applied(on: connection)
    let unknown = applied.keys.filter { !names.contains($0) }.sorted()
    guard unknown.isEmpty else { throw .unknownMigrations(path: self.path, names: unknown) }
    for migration in self.migrations {
      guard let fingerprint = applied[migration.name] else {
        try self.apply(migration, on: connection)
        continue
      }
      guard fingerprint == migration.fingerprint else {
        throw .migrationChanged(name: migration.name)
      }
    }
  }

  /// The fingerprints of what was applied, by name.
  private func applied(on connection: SQLiteConnection) throws(StorageError) -> [String: String] {
    try connection.runScript(
      """
      CREATE TABLE IF NOT EXISTS schema_migration (
        position INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        fingerprint TEXT NOT NULL
      ) STRICT
      """)
    let rows = try connection.rows("SELECT name, fingerprint FROM schema_migration")
    return Dictionary(rows.map { ($0.text(0), $0.text(1)) }) { first, _ in first }
  }

  private func apply(
    _ migration: Migration, on connection: SQLiteConnection
  ) throws(StorageError) {
    do {
      try connection.perform(.begin)
      try connection.runScript(migration.sql)
      try migration.chained?.fill(in: connection)
      try connection.execute(
        "INSERT INTO schema_migration (name, fingerprint) VALUES (?, ?)",
        [.text(migration.name), .text(migration.fingerprint)])
      try connection.perform(.commit)
    } catch {
      if connection.handle.isInTransaction { try? connection.perform(.rollback) }
      throw .migrationFailed(name: migration.name, reason: "\(error)")
    }
  }
}
