import AdaptorSupport
import Contracts
import EventLog
import Foundation
import FramedRPC
import Kernel
import Logging
import Storage
import TestSupport
import Testing

@testable import SugangServices

@Suite("A service's part in a backup", .timeLimit(.minutes(1)))
struct BackupDeskTests {
  private static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
  private static let id = "the-backup"

  /// A service with two events, its desk, and a folder for the backup.
  private struct Bench {
    let folder: TemporaryFolder
    let database: SQLiteDatabase
    let outbox: Outbox
    let desk: BackupDesk
    let target: String

    init() async throws {
      self.folder = try TemporaryFolder()
      self.database = try SQLiteDatabase(
        path: self.folder.path + "/pay.sqlite", migrations: SQLContext.migrations([]),
        marked: Outbox.table, logger: BackupDeskTests.quiet)
      self.outbox = Outbox(source: "pay", database: self.database)
      self.desk = BackupDesk(name: .pay, database: self.database, logger: BackupDeskTests.quiet)
      self.target = self.folder.path + "/backup"
      try FileManager.default.createDirectory(
        atPath: self.target, withIntermediateDirectories: false,
        attributes: [.posixPermissions: 0o700])
      try await self.publish()
      try await self.publish()
    }

    func publish() async throws {
      try await self.database.write { connection in
        try self.outbox.append(
          OutgoingEvent(
            type: "PaymentApproved", subject: "class-1", correlationID: "1",
            time: Timestamp(microseconds: 0), cause: Cause(id: "test"), data: []),
          in: connection)
      }
    }

    func hold(_ milliseconds: Int32 = 2000) async throws -> AdminV1.HoldResponse {
      try await self.desk.hold(
        .init(backupID: BackupDeskTests.id, holdMs: milliseconds), RPCContext())
    }

    func release() async throws -> Bool {
      try await self.desk.release(.init(backupID: BackupDeskTests.id), RPCContext()).wasHeld
    }

    func copy(to folder: String? = nil) async throws -> [AdminV1.CopiedFile] {
      try await self.desk.copy(
        .init(backupID: BackupDeskTests.id, folder: folder ?? self.target), RPCContext()
      ).files
    }
  }

  private static func refusal(_ work: () async throws -> Void) async -> String? {
    do {
      try await work()
      return nil
    } catch {
      return (error as? RPCError)?.reason ?? "\(error)"
    }
  }

  @Test("copies what was there when the writer was held, with its mark")
  func copies() async throws {
    let bench = try await Bench()
    let held = try await bench.hold()
    #expect(held.lastSequence == 2)
    async let later: Void = bench.publish()
    #expect(try await bench.release())
    try await later
    let files = try await bench.copy()
    #expect(files.map(\.name) == ["pay.sqlite", "pay.sqlite.mark"])
    for file in files {
      let digest = try FileDigest(ofFile: "\(bench.target)/\(file.name)")
      #expect(digest == FileDigest(bytes: file.bytes, digest: file.digest))
    }
    let copy = try OfflineDatabase(path: bench.target + "/pay.sqlite", locking: false)
    let (end, damage) = try copy.read { try Outbox.table.verify(in: $0) }
    #expect(damage == nil)
    #expect(end.sequence == 2)
    #expect(HighWaterMark.read(bench.target + "/pay.sqlite.mark") == .link(end))
    // It is over, and another one may come.
    #expect(await Self.refusal { _ = try await bench.copy() } == "backup-not-found")
    #expect(try await bench.hold().lastSequence == 3)
    await bench.database.close()
  }

  @Test("a writer that went on by itself is told of")
  func expires() async throws {
    let bench = try await Bench()
    _ = try await bench.hold(1)
    // Comes behind the held writer.
    try await bench.publish()
    #expect(try await !bench.release())
    await bench.database.close()
  }

  @Test("one backup at a time; a given-up one makes room")
  func oneAtATime() async throws {
    let bench = try await Bench()
    _ = try await bench.hold()
    #expect(await Self.refusal { _ = try await bench.hold() } == "backup-under-way")
    _ = try await bench.desk.discard(.init(backupID: "another-one"), RPCContext())
    #expect(await Self.refusal { _ = try await bench.hold() } == "backup-under-way")
    for _ in 0..<2 { _ = try await bench.desk.discard(.init(backupID: Self.id), RPCContext()) }
    try await bench.publish()
    #expect(try await bench.hold().lastSequence == 3)
    await bench.database.close()
  }

  @Test("writes only into a folder of its user's own, and over nothing")
  func folders() async throws {
    let bench = try await Bench()
    let open = bench.folder.path + "/open"
    try FileManager.default.createDirectory(
      atPath: open, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o755])
    _ = try await bench.hold()
    for folder in ["backup", "/nowhere", open, bench.folder.path + "/pay.sqlite"] {
      #expect(await Self.refusal { _ = try await bench.copy(to: folder) } == "backup-folder")
    }
    let taken = bench.target + "/pay.sqlite"
    try Data([1]).write(to: URL(fileURLWithPath: taken))
    #expect(await Self.refusal { _ = try await bench.copy() } == "backup-failed")
    #expect(FileManager.default.contents(atPath: taken) == Data([1]))
    await bench.database.close()
  }

  @Test("what is asked for must make sense")
  func validates() async throws {
    let bench = try await Bench()
    for milliseconds in [0, -1, BackupDesk.maxHoldMilliseconds + 1] {
      let reason = await Self.refusal { _ = try await bench.hold(milliseconds) }
      #expect(reason == "validation-failed")
    }
    #expect(await Self.refusal { _ = try await bench.release() } == "backup-not-found")
    let empty = await Self.refusal {
      _ = try await bench.desk.hold(.init(backupID: "", holdMs: 10), RPCContext())
    }
    #expect(empty == "validation-failed")
    await bench.database.close()
  }
}
