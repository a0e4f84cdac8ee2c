import EventLog
import Storage
import SugangServices

/// I1, I12: the high-water marks, in the eyes of whoever reads the disks.
///
/// That a database is what was marked is looked at by the real code, each time a service starts; that
/// no mark is ahead of its log, by ``Node/checkMark()`` at each crash.
enum MarkChecker {
  private static let end = "SELECT sequence, hash FROM outbox ORDER BY sequence DESC LIMIT 1"
  private static let cursors = "SELECT source, sequence FROM inbox_cursor ORDER BY source"

  /// At rest every mark is the end of its log, and nobody has taken more of a log than there is.
  static func violations(of world: World) throws -> [Violation] {
    var violations: [Violation] = []
    for node in world.nodes {
      let name = node.name.rawValue
      let last = try node.store.read { try $0.row(Self.end) }
      let end =
        last.map { ChainLink(sequence: $0.integer(0), hash: $0.blob(1)) }
        ?? ChainLink(sequence: 0, hash: [UInt8](repeating: 0, count: 32))
      if node.store.marking != .link(end) {
        violations.append(
          Violation(
            .i12, "the log of \(name) ends at \(end.sequence), its mark is \(node.marked ?? -1)"))
      }
      for row in try node.store.read({ try $0.rows(Self.cursors) }) {
        guard let source = ServiceName(rawValue: row.text(0)) else { continue }
        let length = try world.node(source).store.read { try $0.rows(Self.end) }.first?.integer(0)
        if row.integer(1) > length ?? 0 {
          violations.append(
            Violation(
              .i6, "\(name) has taken \(row.integer(1)) of \(length ?? 0) events of \(source)"))
        }
      }
    }
    return violations
  }
}

extension Node {
  /// How many events the mark tells of; nil when it says nothing.
  var marked: Int64? {
    if case .link(let link) = self.store.marking { link.sequence } else { nil }
  }

  /// Whatever the moment of the crash, the mark tells of nothing that is not committed.
  func checkMark() {
    let last = try? self.store.read { try $0.integer("SELECT max(sequence) FROM outbox") }
    guard let marked = self.marked, marked > last ?? 0 else { return }
    self.world.violations.append(
      Violation(.i12, "the mark of \(self.name.rawValue) is ahead of its log"))
  }

  /// A mark is written and not forced to disk: a power cut may leave an older one, a torn one or none.
  func cutMark() {
    let random = self.world.scheduler.random.below(3)
    guard let marked = self.marked, marked > 0 else { return }
    self.world.count(.markCut)
    switch random {
    case 0: self.store.damageMark(.none)
    case 1: self.store.damageMark(.unreadable(reason: "torn"))
    default:
      let sequence = self.world.scheduler.random.time(0...marked)
      self.world.attempt {
        let older = try self.store.read { try Outbox.table.link(at: sequence, in: $0) }
        if let older { self.store.damageMark(.link(older)) }
      }
    }
  }

  /// Sabotage: the disk loses what was committed, or has something else.
  func damageLog() {
    let statement: String
    switch self.world.sabotage {
    case .losesCommits:
      statement = "DELETE FROM outbox WHERE sequence = (SELECT max(sequence) FROM outbox)"
    case .swapsCommits:
      statement = """
        UPDATE outbox SET hash = zeroblob(32) WHERE sequence = (SELECT max(sequence) FROM outbox)
        """
    default: return
    }
    self.world.attempt { _ = try self.store.commit([{ try $0.execute(statement) }], .unmarked) }
  }
}
