import Storage
import SugangServices

/// Compares the services with each other: what one of them has because of another's commit is never
/// there without it, in a stopped system and in a backup, which is of one instant.
struct MoneyAudit {
  typealias Databases = [ServiceName: OfflineDatabase]

  private let databases: Databases
  /// Class by payment.
  private let payments: [Int64: Int64]

  /// nil without the services whose books these are.
  init?(_ databases: [(service: ServiceName, database: OfflineDatabase)]) throws {
    self.databases = Dictionary(databases.map { ($0.service, $0.database) }) { first, _ in first }
    guard let pay = self.databases[.pay], self.databases[.class] != nil else { return nil }
    var payments: [Int64: Int64] = [:]
    try pay.each("SELECT id, class_id FROM payment") { payments[$0.integer(0)] = $0.integer(1) }
    self.payments = payments
  }

  /// A class is committed before Pay is asked, and is registered after Pay has committed.
  ///
  /// - Returns: the extent, and the first class or payment without the other.
  func classes() throws -> (extent: String, problem: String?) {
    var unseen = Set(self.payments.values)
    let paid = unseen
    var problem: String?
    try self.databases[.class]?.each("SELECT id, status, fee FROM class") { row in
      let id = row.integer(0)
      unseen.remove(id)
      if row.text(1) == "REGISTERED", row.integer(2) > 0, !paid.contains(id) {
        problem = problem ?? "class \(id) is REGISTERED, and nobody paid for it"
      }
    }
    return (
      "\(self.payments.count) payments",
      problem ?? unseen.min().map { "there is a payment for class \($0), and no such class" }
    )
  }

  /// Points, gifts and deliveries follow from a payment that is there.
  func effects(
    _ service: ServiceName, table: String
  ) throws -> (extent: String, problem: String?) {
    var count = 0
    var problem: String?
    try self.databases[service]?.each("SELECT id, payment_id, class_id FROM \(table)") { row in
      count += 1
      guard self.payments[row.integer(1)] != row.integer(2) else { return }
      problem =
        problem ?? "\(table) \(row.integer(0)) is for payment \(row.integer(1)) of class "
        + "\(row.integer(2)), which is not there"
    }
    return ("\(count) rows", problem)
  }
}

extension OfflineDatabase {
  /// The rows of a SELECT whose first column is the table's `id`, without an ORDER BY.
  fileprivate func each(_ select: String, _ body: (SQLRow) -> Void) throws {
    try self.read { connection in
      var position = Int64.min
      while true {
        let rows = try connection.rows(
          "\(select) WHERE id > ? ORDER BY id LIMIT 1000", [.integer(position)])
        guard let last = rows.last else { return }
        rows.forEach(body)
        position = last.integer(0)
      }
    }
  }
}
