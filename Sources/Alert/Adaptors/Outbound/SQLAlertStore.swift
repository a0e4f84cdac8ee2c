import AdaptorSupport
import AlertCore
import Kernel
import Storage

/// Keeps alerts in SQL.
package struct SQLAlertStore: AlertStore {
  package static let migrations = SQLContext.migrations([
    Migration(
      name: "alert-001",
      sql: """
        CREATE TABLE alert (
          id INTEGER PRIMARY KEY,
          event_id TEXT NOT NULL,
          recipient TEXT NOT NULL,
          channel TEXT NOT NULL,
          class_id INTEGER,
          event_type TEXT NOT NULL,
          message TEXT NOT NULL,
          created_at INTEGER NOT NULL,
          status TEXT NOT NULL,
          UNIQUE (event_id, recipient, channel)
        ) STRICT;
        CREATE INDEX alert_by_recipient ON alert (recipient);
        CREATE INDEX alert_new ON alert (id) WHERE status = 'NEW';
        """)
  ])

  fileprivate static let columns = """
    id, event_id, recipient, channel, class_id, event_type, message, created_at, status
    """
  private static let sortable = [
    "id": "id", "classId": "class_id", "recipient": "recipient", "channel": "channel",
    "eventType": "event_type", "message": "message", "status": "status",
    "createdAt": "created_at",
  ]

  private let context: SQLContext

  package init(_ context: SQLContext) {
    self.context = context
  }

  /// Alert raises no events, so that no cause is asked for.
  package func transact<Answer: Sendable>(
    _ work: @escaping @Sendable (any AlertTransaction) throws -> Answer
  ) async throws -> Answer {
    try await self.context.transact(because: Cause(id: "alert")) {
      try work(SQLAlertTransaction(connection: $0.connection))
    }
  }

  package func alert(_ id: AlertID) async throws -> Alert? {
    try await self.context.read { connection in
      try connection.row("SELECT \(Self.columns) FROM alert WHERE id = ?", [.integer(id.value)])
        .map(Alert.init(row:))
    }
  }

  package func alerts(_ page: PageRequest) async throws -> Page<Alert> {
    try await self.context.page(
      page, select: Self.columns, from: "alert", columns: Self.sortable
    ) { try Alert(row: $0) }
  }

  package func alerts(of recipient: String, _ page: PageRequest) async throws -> Page<Alert> {
    try await self.context.page(
      page, select: Self.columns, from: "alert", columns: Self.sortable,
      where: "recipient = ?", [.text(recipient)]
    ) { try Alert(row: $0) }
  }

  package func newAlerts(atMost count: Int) async throws -> [Alert] {
    try await self.context.read { connection in
      try connection.rows(
        "SELECT \(Self.columns) FROM alert WHERE status = 'NEW' ORDER BY id LIMIT ?",
        [.integer(Int64(count))]
      ).map(Alert.init(row:))
    }
  }
}

/// One unit of work on Alert's table.
struct SQLAlertTransaction: AlertTransaction {
  let connection: any SQLConnection

  func nextAlertID() throws -> AlertID {
    AlertID(try self.connection.integer("SELECT coalesce(max(id), 0) + 1 FROM alert") ?? 1)
  }

  func alert(_ key: AlertKey) throws -> Alert? {
    try self.connection.row(
      """
      SELECT \(SQLAlertStore.columns) FROM alert
      WHERE event_id = ? AND recipient = ? AND channel = ?
      """,
      [.text(key.eventID), .text(key.recipient), .text(key.channel.rawValue)]
    ).map(Alert.init(row:))
  }

  func save(_ alert: Alert) throws {
    let content = alert.content
    try self.connection.execute(
      """
      INSERT INTO alert (\(SQLAlertStore.columns)) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (id) DO UPDATE SET status = excluded.status
      """,
      [
        .integer(alert.id.value), .text(content.key.eventID), .text(content.key.recipient),
        .text(content.key.channel.rawValue), .integer(content.classID?.value),
        .text(content.eventType), .text(content.message),
        .integer(content.createdAt.microseconds), .text(alert.status.rawValue),
      ])
  }
}

extension Alert {
  fileprivate init(row: SQLRow) throws {
    guard let channel = AlertChannel(rawValue: row.text(3)) else {
      throw UnknownStoredValue(column: "alert.channel", value: row.text(3))
    }
    guard let status = Status(rawValue: row.text(8)) else {
      throw UnknownStoredValue(column: "alert.status", value: row.text(8))
    }
    self.init(
      id: AlertID(row.integer(0)),
      content: AlertContent(
        key: AlertKey(eventID: row.text(1), recipient: row.text(2), channel: channel),
        classID: row.optionalInteger(4).map { ClassID($0) }, eventType: row.text(5),
        message: row.text(6), createdAt: Timestamp(microseconds: row.integer(7))),
      status: status)
  }
}
