import Contracts
import EventLog
import FramedRPC
import Storage
import SugangServices

/// Compares a table with what its service's own events say of it: each change of a row's status is
/// published in the transaction that made it.
///
/// It reads the tables by itself, and shares no code with the stores: what both get wrong in the
/// same way would not show.
struct StateAudit {
  /// What an event says of a row.
  private struct Said {
    var status: String
    let fee: Int64
    let amount: Int64
  }

  private typealias Reader = (_ data: [UInt8]) throws -> (id: Int64, fee: Int64, amount: Int64)

  let table: String
  /// The status that each event leads to, and how to read it.
  private let events: [String: (status: String, read: Reader)]
  /// Statuses of rows that no event has told of.
  private let silent: Set<String>
  /// What counts in a row of the first event's status.
  private let amountColumn: String?

  /// nil for a service whose rows are not all told by events.
  init?(of service: ServiceName) {
    switch service {
    case .class:
      self.table = "class"
      self.events = [
        "ClassRegistered": (
          "REGISTERED",
          { try Self.read($0, EnrollmentV1.ClassRegistered.self) { ($0.id, $0.fee, 0) } }
        ),
        "ClassCanceled": (
          "CANCELED", { try Self.read($0, EnrollmentV1.ClassCanceled.self) { ($0.id, $0.fee, 0) } }
        ),
      ]
      self.silent = ["PENDING", "PAYMENT_FAILED"]
      self.amountColumn = nil
    case .pay:
      self.table = "payment"
      self.events = [
        "PaymentApproved": (
          "PAYMENT_COMPLETED",
          { try Self.read($0, PayV1.PaymentApproved.self) { ($0.id, $0.fee, 0) } }
        ),
        "PaymentCanceled": (
          "CANCEL", { try Self.read($0, PayV1.PaymentCanceled.self) { ($0.id, $0.fee, 0) } }
        ),
      ]
      self.silent = []
      self.amountColumn = nil
    case .point:
      self.table = "point"
      self.events = [
        "PointRegistered": (
          "GRANTED",
          { try Self.read($0, PointV1.PointRegistered.self) { ($0.id, $0.fee, $0.cashpoint) } }
        ),
        "PointCanceled": (
          "CANCELED",
          { try Self.read($0, PointV1.PointCanceled.self) { ($0.id, $0.fee, $0.cashpoint) } }
        ),
      ]
      self.silent = ["PENDING"]
      self.amountColumn = "cashpoint"
    case .gift:
      self.table = "gift"
      self.events = [
        "GiftRegistered": (
          "GRANTED",
          { try Self.read($0, GiftV1.GiftRegistered.self) { ($0.id, $0.fee, Int64($0.giftstock)) } }
        ),
        "GiftCanceled": (
          "REVOKED",
          { try Self.read($0, GiftV1.GiftCanceled.self) { ($0.id, $0.fee, Int64($0.giftstock)) } }
        ),
      ]
      self.silent = []
      self.amountColumn = "giftstock"
    case .course, .alert, .mypage, .gateway: return nil
    }
  }

  private static func read<Message: RPCMessage>(
    _ data: [UInt8], _ type: Message.Type, _ fields: (Message) -> (Int64, Int64, Int64)
  ) throws -> (id: Int64, fee: Int64, amount: Int64) {
    fields(try Message(decoding: data))
  }

  /// - Returns: how many rows there are, and the first that is not as the events say.
  func compare(in connection: any SQLConnection) throws -> (extent: String, problem: String?) {
    var said = try self.fold(in: connection)
    let amount = self.amountColumn ?? "0"
    var count = 0
    var sum: Int64 = 0
    var position = Int64.min
    while true {
      let rows = try connection.rows(
        """
        SELECT id, status, fee, \(amount) FROM \(self.table)
        WHERE id > ? ORDER BY id LIMIT 1000
        """, [.integer(position)])
      guard let last = rows.last else { break }
      for row in rows {
        let id = row.integer(0)
        if let problem = self.problem(row, said.removeValue(forKey: id)) {
          return ("\(count) rows", "\(self.table) \(id) \(problem)")
        }
        count += 1
        sum += row.integer(3)
      }
      position = last.integer(0)
    }
    let extent = self.amountColumn == nil ? "\(count) rows" : "\(count) rows, sum \(sum)"
    return (extent, said.keys.min().map { "\(self.table) \($0) is missing; events tell of it" })
  }

  private func problem(_ row: SQLRow, _ said: Said?) -> String? {
    let status = row.text(1)
    guard let said else {
      return self.silent.contains(status) ? nil : "is \(status), and no event tells of it"
    }
    guard status == said.status else { return "is \(status); by its events it is \(said.status)" }
    guard row.integer(2) == said.fee else {
      return "has the fee \(row.integer(2)); by its events \(said.fee)"
    }
    guard self.amountColumn == nil || row.integer(3) == said.amount else {
      return "counts \(row.integer(3)); by its events \(said.amount)"
    }
    return nil
  }

  private func fold(in connection: any SQLConnection) throws -> [Int64: Said] {
    var said: [Int64: Said] = [:]
    try Outbox.table.walk(after: .start, in: connection) { row in
      guard let event = self.events[row.text(1)] else { return true }
      let (id, fee, amount) = try event.read(row.blob(8))
      said[id] = Said(status: event.status, fee: fee, amount: amount)
      return true
    }
    return said
  }
}
