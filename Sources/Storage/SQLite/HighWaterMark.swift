import Crypto
import Foundation
import Logging
import Synchronization

/// The end of a chained table, kept in a small file beside the database: SQLite drops commits from
/// a damaged log without a word (F3), and a log that ends before the mark shows it.
///
/// Written after each commit that moved the end, and not forced to disk: the commit is there
/// already, so that the mark is never ahead of the database, whenever either is cut off. After a
/// power cut it may be behind, or torn, and says less then; never something wrong.
package final class HighWaterMark: Sendable {
  /// What a file of marks says, or why it says nothing.
  package enum Reading: Hashable, Sendable {
    case none
    case unreadable(reason: String)
    case link(ChainLink)
  }

  let table: ChainedTable
  private let medium: any MarkMedium
  /// Of the medium, for messages.
  private let path: String
  private let logger: Logger
  private let state = Mutex(State())

  private struct State {
    var isOpen = false
    var last: ChainLink?
    var hasFailed = false
  }

  /// Beside the database at `path`.
  package static func path(ofDatabase path: String) -> String { path + ".mark" }

  convenience init(table: ChainedTable, database path: String, logger: Logger) {
    let path = Self.path(ofDatabase: path)
    self.init(table: table, medium: MarkFile(path: path), path: path, logger: logger)
  }

  init(table: ChainedTable, medium: any MarkMedium, path: String, logger: Logger) {
    self.table = table
    self.medium = medium
    self.path = path
    self.logger = logger
  }

  // MARK: At opening

  /// Compares the database with its mark, over a connection that writes nothing: the log that a
  /// person may want to look into stays as it is.
  ///
  /// - Throws: ``StorageError/lostCommits(path:last:marked:)``,
  ///   ``StorageError/otherThanMarked(path:marked:)``.
  func check(_ path: String, limits: SQLiteLimits) throws(StorageError) {
    guard let mark = self.expected() else { return }
    guard FileManager.default.fileExists(atPath: path) else {
      throw .lostCommits(path: path, last: 0, marked: mark.sequence)
    }
    try SQLiteLane(path: path, readOnly: true, limits: limits).sync {
      connection throws(StorageError) in
      try self.compare(mark, path, connection)
    }
  }

  /// The same over a connection to a database that is in memory.
  func check(_ connection: SQLiteConnection) throws(StorageError) {
    guard let mark = self.expected() else { return }
    try self.compare(mark, ":memory:", connection)
  }

  /// nil when the mark says nothing.
  private func expected() -> ChainLink? {
    switch self.medium.read() {
    case .none: return nil
    case .unreadable(let reason):
      self.logger.warning(
        "the high-water mark cannot be read, and says nothing of lost commits",
        metadata: ["path": "\(self.path)", "reason": "\(reason)"])
      return nil
    case .link(let link): return link
    }
  }

  private func compare(
    _ mark: ChainLink, _ path: String, _ connection: SQLiteConnection
  ) throws(StorageError) {
    let found: (last: Int64, hash: ChainLink?) = try StorageError.translating {
      let isThere = try connection.integer(
        "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?", [.text(self.table.name)])
      guard isThere != nil else { return (0, nil) }
      do {
        return (
          try self.table.end(in: connection).sequence,
          try self.table.link(at: mark.sequence, in: connection)
        )
      } catch is ChainDamage {
        throw StorageError.otherThanMarked(path: path, marked: mark.sequence)
      }
    }
    guard found.last >= mark.sequence else {
      throw .lostCommits(path: path, last: found.last, marked: mark.sequence)
    }
    guard found.hash == mark else {
      throw .otherThanMarked(path: path, marked: mark.sequence)
    }
  }

  /// From now on ``note(_:)`` is called after each commit.
  func open(_ connection: SQLiteConnection) throws(StorageError) {
    try self.medium.open()
    self.state.withLock { $0.isOpen = true }
    self.note(self.end(connection))
  }

  // MARK: After a commit

  /// Where the table ends, asked in the transaction that is about to be committed: it has its locks
  /// already.
  func end(_ connection: SQLiteConnection) -> ChainLink? {
    do {
      return try self.table.end(in: connection)
    } catch {
      self.report(error)
      return nil
    }
  }

  /// Writes down where the table ended at a commit that is on disk, if it moved. On the writer's
  /// thread.
  func note(_ end: ChainLink?) {
    guard let end else { return }
    do {
      try self.state.withLock { state in
        guard end != state.last, state.isOpen else { return }
        try self.medium.write(end)
        state.last = end
      }
    } catch {
      self.report(error)
    }
  }

  /// Once: the next commit would say the same.
  private func report(_ error: any Error) {
    let isFirst = self.state.withLock { state in
      defer { state.hasFailed = true }
      return !state.hasFailed
    }
    guard isFirst else { return }
    self.logger.error("the high-water mark is not written", metadata: ["error": "\(error)"])
  }

  /// Forces it to disk, at an orderly end.
  func close() {
    self.state.withLock { state in
      guard state.isOpen else { return }
      self.medium.close()
      state.isOpen = false
    }
  }

  // MARK: The file

  /// One line: `sugang-mark 1 SEQUENCE HASH CHECKSUM`, the sequence with 19 digits so that each
  /// line is as long as the one it is written over.
  static func line(_ link: ChainLink) -> [UInt8] {
    let digits = String(link.sequence)
    let text =
      "sugang-mark 1 \(String(repeating: "0", count: 19 - digits.count))\(digits) "
      + Hex.text(link.hash) + " "
    return Array((text + self.checksum(text) + "\n").utf8)
  }

  /// The first 8 bytes of the line's SHA-256: for rot and torn writes.
  private static func checksum(_ text: String) -> String {
    Hex.text(Array(SHA256.hash(data: Array(text.utf8))).prefix(8))
  }

  /// Writes a mark where none is kept open, and forces it to disk.
  package static func write(_ link: ChainLink, path: String) throws(StorageError) {
    do {
      let file = URL(fileURLWithPath: path)
      try Data(self.line(link)).write(to: file)
      try Durable.sync(path)
    } catch {
      throw .cannotOpen(path: path, reason: "\(error)")
    }
  }

  package static func read(_ path: String) -> Reading {
    guard FileManager.default.fileExists(atPath: path) else { return .none }
    guard let bytes = FileManager.default.contents(atPath: path) else {
      return .unreadable(reason: "no permission")
    }
    let parts = String(decoding: bytes, as: UTF8.self)
      .split(separator: " ", omittingEmptySubsequences: false)
    guard parts.count == 5, let sequence = Int64(parts[2]), sequence >= 0,
      let hash = Hex.bytes(parts[3]), hash.count == RowHash.byteCount,
      case let link = ChainLink(sequence: sequence, hash: hash), self.line(link) == Array(bytes)
    else { return .unreadable(reason: "its checksum is wrong") }
    return .link(link)
  }
}
