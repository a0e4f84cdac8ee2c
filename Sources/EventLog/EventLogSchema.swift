import Storage

/// The tables that the outbox and the inbox keep beside a context's own, in the same database, so
/// that an event and its cause, or an event and its effect, are one transaction.
package enum EventLogSchema {
  package static let migrations = [
    Migration(
      name: "event-log-001",
      sql: """
        CREATE TABLE outbox (
          sequence INTEGER PRIMARY KEY,
          type TEXT NOT NULL,
          version INTEGER NOT NULL,
          subject TEXT NOT NULL,
          time INTEGER NOT NULL,
          correlation_id TEXT NOT NULL,
          causation_id TEXT NOT NULL,
          trace_context TEXT NOT NULL,
          data BLOB NOT NULL
        ) STRICT;
        CREATE TABLE outbox_log (log_id TEXT NOT NULL PRIMARY KEY) STRICT, WITHOUT ROWID;
        INSERT INTO outbox_log (log_id) VALUES (lower(hex(randomblob(8))));
        CREATE TABLE inbox_cursor (
          source TEXT NOT NULL PRIMARY KEY,
          log_id TEXT NOT NULL,
          sequence INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE inbox (
          source TEXT NOT NULL,
          sequence INTEGER NOT NULL,
          PRIMARY KEY (source, sequence)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE parked_event (
          source TEXT NOT NULL,
          sequence INTEGER NOT NULL,
          subject TEXT NOT NULL,
          reason TEXT NOT NULL,
          event BLOB NOT NULL,
          PRIMARY KEY (source, sequence)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX parked_event_by_subject ON parked_event (source, subject);
        """),
    Migration(
      name: "event-log-002",
      sql: """
        ALTER TABLE parked_event ADD COLUMN parked_at INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE parked_event ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;
        CREATE TABLE skipped_event (
          source TEXT NOT NULL,
          sequence INTEGER NOT NULL,
          event_id TEXT NOT NULL,
          type TEXT NOT NULL,
          subject TEXT NOT NULL,
          skipped_at INTEGER NOT NULL,
          PRIMARY KEY (source, sequence)
        ) STRICT, WITHOUT ROWID;
        """),
    // A row that is not chained has a hash that no row can have.
    Migration(
      name: "event-log-003",
      sql: "ALTER TABLE outbox ADD COLUMN hash BLOB NOT NULL DEFAULT x''",
      chained: Outbox.table),
  ]
}
