import EventLog
import GiftAdaptors
import PointAdaptors
import Storage

extension ServiceName {
  /// The append-only tables of the service whose rows are chained by hashes: for `sugang verify`.
  package var chainedTables: [ChainedTable] {
    switch self {
    case .gateway: []
    case .point: [Outbox.table, SQLPointLedger.table]
    case .gift: [Outbox.table, SQLGiftLedger.table]
    default: [Outbox.table]
    }
  }
}
