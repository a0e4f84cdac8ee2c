import AdaptorSupport
import EnrollmentCore
import Kernel
import Storage

/// Keeps waiting tickets in SQL, in the database of the enrollments.
package struct SQLWaitingRoomStore: WaitingRoomStore {
  package static let migrations = [
    Migration(
      name: "waiting-room-001",
      // One good ticket a student, whatever the code does.
      sql: """
        CREATE TABLE waiting_ticket (
          sequence INTEGER PRIMARY KEY,
          token TEXT NOT NULL UNIQUE,
          student TEXT NOT NULL,
          course_id INTEGER NOT NULL,
          state TEXT NOT NULL,
          taken_at INTEGER NOT NULL,
          turn_expires_at INTEGER NULL,
          ended_at INTEGER NULL
        ) STRICT;
        CREATE UNIQUE INDEX good_waiting_ticket ON waiting_ticket (student)
          WHERE state IN ('WAITING', 'TURN');
        CREATE INDEX ended_waiting_ticket ON waiting_ticket (ended_at)
          WHERE ended_at IS NOT NULL;
        """)
  ]

  /// Word for word the condition of the index `good_waiting_ticket`: else SQLite does not use it.
  private static let isGood = "state IN ('WAITING', 'TURN')"

  private let context: SQLContext

  package init(_ context: SQLContext) {
    self.context = context
  }

  package func goodTickets() async throws -> (tickets: [WaitingTicket], lastSequence: Int64) {
    try await self.context.read { connection in
      let tickets = try connection.rows(
        "SELECT \(WaitingTicket.columns) FROM waiting_ticket WHERE \(Self.isGood)"
      ).map(WaitingTicket.init(row:))
      let last = try connection.integer("SELECT coalesce(max(sequence), 0) FROM waiting_ticket")
      return (tickets, last ?? 0)
    }
  }

  package func save(_ tickets: [WaitingTicket], because cause: Cause) async throws {
    try await self.context.transact(because: cause) { unit in
      for ticket in tickets { try Self.save(ticket, in: unit.connection) }
    }
  }

  private static func save(_ ticket: WaitingTicket, in connection: any SQLConnection) throws {
    if !ticket.state.isOver {
      // The end of an earlier ticket may not be stored yet.
      try connection.execute(
        """
        UPDATE waiting_ticket SET state = 'EXPIRED', ended_at = ?
        WHERE student = ? AND \(Self.isGood) AND sequence < ?
        """,
        [
          .integer(ticket.takenAt.microseconds), .text(ticket.student),
          .integer(ticket.sequence),
        ])
    }
    try connection.execute(
      """
      INSERT INTO waiting_ticket (\(WaitingTicket.columns)) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (token) DO UPDATE SET
        state = excluded.state, turn_expires_at = excluded.turn_expires_at,
        ended_at = excluded.ended_at
      WHERE waiting_ticket.state = 'WAITING'
        OR waiting_ticket.state = 'TURN' AND excluded.state <> 'WAITING'
      """,
      [
        .integer(ticket.sequence), .text(ticket.token.value), .text(ticket.student),
        .integer(ticket.courseID.value), .text(ticket.state.rawValue),
        .integer(ticket.takenAt.microseconds), .integer(ticket.turnExpiresAt?.microseconds),
        .integer(ticket.endedAt?.microseconds),
      ])
  }

  /// - Throws: ``WaitingRoomError/ticketOver(_:)`` when the ticket is no longer good: whatever the
  ///   line in memory thinks, a turn is used once.
  static func useUp(
    _ turn: WaitingTicket, at now: Timestamp, in connection: any SQLConnection
  ) throws {
    // The turn itself may not be stored yet: its ticket is then still a waiting one.
    try connection.execute(
      """
      UPDATE waiting_ticket SET state = 'USED', turn_expires_at = ?, ended_at = ?
      WHERE token = ? AND \(Self.isGood)
      """,
      [
        .integer(turn.turnExpiresAt?.microseconds), .integer(now.microseconds),
        .text(turn.token.value),
      ])
    guard connection.changedRows == 1 else { throw WaitingRoomError.ticketOver(.used) }
  }

  static func giveBack(_ turn: WaitingTicket, in connection: any SQLConnection) throws {
    try connection.execute(
      """
      UPDATE waiting_ticket SET state = ?, ended_at = ?
      WHERE token = ? AND state = 'USED'
      """,
      [
        .text(turn.state.rawValue), .integer(turn.endedAt?.microseconds),
        .text(turn.token.value),
      ])
  }

  package func ticket(_ token: WaitingToken) async throws -> WaitingTicket? {
    try await self.context.read { connection in
      try connection.row(
        "SELECT \(WaitingTicket.columns) FROM waiting_ticket WHERE token = ?",
        [.text(token.value)]
      ).map(WaitingTicket.init(row:))
    }
  }

  package func forgetTickets(
    endedBefore limit: Timestamp, atMost count: Int
  ) async throws -> Int {
    try await self.context.database.write { connection in
      try connection.execute(
        """
        DELETE FROM waiting_ticket WHERE sequence IN (
          SELECT sequence FROM waiting_ticket WHERE ended_at IS NOT NULL AND ended_at < ?
          ORDER BY ended_at LIMIT ?)
        """,
        [.integer(limit.microseconds), .integer(Int64(count))])
      return connection.changedRows
    }
  }

  package func look<Answer: Sendable>(
    because cause: Cause, _ look: @escaping @Sendable (any EnrollmentTransaction) throws -> Answer
  ) async throws -> Answer {
    let context = self.context
    return try await context.read { connection in
      try look(SQLEnrollmentTransaction(unit: context.unit(connection, because: cause)))
    }
  }
}

// MARK: - Rows

extension WaitingTicket {
  static let columns =
    "sequence, token, student, course_id, state, taken_at, turn_expires_at, ended_at"

  init(row: SQLRow) throws {
    guard let token = WaitingToken(row.text(1)) else {
      // Not the token itself: who reads the log must not have the ticket.
      throw UnknownStoredValue(column: "waiting_ticket.token", value: "of \(row.integer(0))")
    }
    guard let state = State(rawValue: row.text(4)) else {
      throw UnknownStoredValue(column: "waiting_ticket.state", value: row.text(4))
    }
    self.init(
      token: token, sequence: row.integer(0), student: row.text(2),
      courseID: CourseID(row.integer(3)), takenAt: Timestamp(microseconds: row.integer(5)),
      state: state,
      turnExpiresAt: row.optionalInteger(6).map { Timestamp(microseconds: $0) },
      endedAt: row.optionalInteger(7).map { Timestamp(microseconds: $0) })
  }
}
