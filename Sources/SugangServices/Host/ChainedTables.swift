import EventLog
import Storage

extension ServiceName {
  /// The append-only tables of the service whose rows are chained by hashes: for `sugang verify`.
  package var chainedTables: [ChainedTable] {
    self == .gateway ? [] : [Outbox.table]
  }
}
