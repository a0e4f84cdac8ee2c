import EventLog
import FramedRPC
import Kernel
import Storage
import W3CTrace

/// One unit of work of a context on its database: the connection, and what its events need to say.
package struct SQLUnit {
  package let connection: any SQLConnection
  /// One moment for everything that the unit writes.
  package let now: Timestamp
  package let cause: Cause
  /// Of the call or the event behind it; its events go on with it.
  private let trace: TraceContext?
  private let outbox: Outbox

  /// Publishes an event if, and only if, this unit of work commits.
  package func raise(
    _ type: String, about subject: EventSubject, message: some RPCMessage
  ) throws {
    try self.outbox.append(
      OutgoingEvent(
        type: type, subject: subject.text, correlationID: subject.correlationID, time: self.now,
        cause: self.cause, traceContext: self.trace?.parent ?? "", data: message.encodedBytes()),
      in: self.connection)
  }

  fileprivate init(
    _ connection: any SQLConnection, now: Timestamp, cause: Cause, trace: TraceContext?,
    outbox: Outbox
  ) {
    self.connection = connection
    self.now = now
    self.cause = cause
    self.trace = trace
    self.outbox = outbox
  }
}

/// A context's database with its outbox and clock: what every SQL store is built on.
package struct SQLContext: Sendable {
  package let database: any TransactionalDatabase
  package let outbox: Outbox
  private let clock: any WallClock

  /// The migrations of the event log and of the command memory, then the context's own.
  package static func migrations(_ own: [Migration]) -> [Migration] {
    EventLogSchema.migrations + SQLCommandMemory.migrations + own
  }

  package init(database: any TransactionalDatabase, outbox: Outbox, clock: any WallClock) {
    self.database = database
    self.outbox = outbox
    self.clock = clock
  }

  /// The unit of work inside a transaction that somebody else opened: an event's.
  package func unit(_ connection: any SQLConnection, because cause: Cause) -> SQLUnit {
    self.unit(connection, cause, TraceContext.current)
  }

  private func unit(
    _ connection: any SQLConnection, _ cause: Cause, _ trace: TraceContext?
  ) -> SQLUnit {
    SQLUnit(
      connection, now: self.clock.now(), cause: cause, trace: trace, outbox: self.outbox)
  }

  /// - Throws: what `work` throws; ``Problem`` unavailable when the database takes nothing now.
  package func transact<Answer: Sendable>(
    because cause: Cause, _ work: @escaping @Sendable (SQLUnit) throws -> Answer
  ) async throws -> Answer {
    // The writer's thread knows nothing of this task.
    let trace = TraceContext.current
    return try await Self.explaining {
      try await self.database.write { try work(self.unit($0, cause, trace)) }
    }
  }

  /// - Throws: what `query` throws; ``Problem`` unavailable when the database takes nothing now.
  package func read<Answer: Sendable>(
    _ query: @escaping @Sendable (any SQLConnection) throws -> Answer
  ) async throws -> Answer {
    try await Self.explaining { try await self.database.read(query) }
  }

  /// One page of a table.
  ///
  /// - Parameters:
  ///   - columns: sortable fields by their outside names.
  ///   - id: the column that is unique in the table, the last sort key.
  ///   - filter: a WHERE clause without the word, or nil.
  package func page<Item: Sendable>(
    _ request: PageRequest, select: String, from table: String, columns: [String: String],
    id: String = "id", where filter: String? = nil, _ arguments: [SQLValue] = [],
    _ item: @escaping @Sendable (SQLRow) throws -> Item
  ) async throws -> Page<Item> {
    let query = try Self.query(request, columns, id: id)
    var filters = filter.map { ["(\($0))"] } ?? []
    var arguments = arguments
    if let after = request.after, let column = request.sort.first.flatMap({ columns[$0.field] }) {
      filters.append("\"\(column)\" > ?")
      arguments.append(.integer(after))
    }
    let condition = filters.isEmpty ? "" : " WHERE " + filters.joined(separator: " AND ")
    let list = "SELECT \(select) FROM \(table)\(condition)\(query.suffix)"
    let count = "SELECT count(*) FROM \(table)\(condition)"
    return try await self.read { [arguments] connection in
      let rows = try connection.rows(list, arguments + query.arguments)
      let total =
        if request.after != nil {
          // Who reads everything, page after page, must not have it counted for each.
          rows.count
        } else if let last = Self.total(rowsOnPage: rows.count, request) {
          last
        } else {
          // Counting looks at every row.
          Int(try connection.integer(count, arguments) ?? 0)
        }
      return Page(items: try rows.map(item), totalElements: total, request: request)
    }
  }

  /// A page that is not full, and not beyond the end, is the last one and tells the total.
  private static func total(rowsOnPage rows: Int, _ request: PageRequest) -> Int? {
    guard rows < request.size, rows > 0 || request.offset == 0 else { return nil }
    return request.offset + rows
  }

  private static func query(
    _ request: PageRequest, _ columns: [String: String], id: String
  ) throws -> PageQuery {
    do {
      return try PageQuery(
        columns: columns, id: id,
        sort: request.sort.map { (field: $0.field, descending: $0.descending) },
        limit: request.size, offset: request.offset)
    } catch {
      guard case .unknownSortField(let name, let allowed) = error else { throw error }
      throw Problem.invalid([
        FieldProblem("sort", "\(name) is none of \(allowed.joined(separator: ", "))")
      ])
    }
  }

  /// The store's own trouble in words for a caller; nothing is hidden as a bug that is a lack of
  /// room, and nothing is called failed that may have happened (F11).
  private static func explaining<Answer>(
    _ work: () async throws -> Answer
  ) async throws -> Answer {
    do {
      return try await work()
    } catch let error as StorageError {
      switch error {
      case .overloaded: throw Problem.unavailable("too many requests wait for the disk")
      case .outcomeUnknown:
        throw Problem.unavailable("it is not known whether this was stored; ask again")
      case .stopped, .closed: throw Problem.unavailable("the store takes nothing now")
      default:
        guard error.isTrouble else { throw error }
        throw Problem.unavailable("the store has trouble with its disk")
      }
    }
  }
}
