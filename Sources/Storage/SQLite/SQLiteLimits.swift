/// Everything a database is limited to, with its unit.
///
/// The defaults suit eight such processes on a small machine: below 5 MiB of page caches each.
package struct SQLiteLimits: Hashable, Sendable {
  /// Most units of work in one commit. More of them make the fsync cheaper for each and the
  /// failure of one commit wider.
  package var maxUnitsPerCommit = 256
  /// Most units that wait for the writer; one more gets ``StorageError/overloaded(waiting:)``.
  package var maxWaitingUnits = 4096
  /// Most queries that wait for a reader; one more gets ``StorageError/overloaded(waiting:)``.
  package var maxWaitingReads = 4096
  /// Connections that read at the same time.
  package var readers = 2
  /// How long the writer waits for the callers of a shared commit to come back with their next
  /// units, before it commits those that are there. A lone caller never waits.
  package var gatherTime = Duration.microseconds(200)
  /// Pages the log (WAL) grows by, before the writer copies it into the database: 4 KiB each.
  /// Fewer cost more copying, more a larger file: see ``SQLiteLog``.
  package var checkpointAfterPages = 1000
  /// Page cache of the writer, in KiB.
  package var writerCacheKiB = 2048
  /// Page cache of each reader, in KiB.
  package var readerCacheKiB = 512
  /// Compiled statements kept by each connection; the least recently used goes first.
  package var maxCachedStatements = 128
  /// How long to wait for a lock that somebody outside this system holds on the file.
  package var busyTimeout = Duration.seconds(2)

  package init() {}
}
