/// Where a chain of rows stands: a row, and the hash that stands for it and all rows before it.
package struct ChainLink: Hashable, Sendable {
  /// Of the row; 0 before the first one.
  package let sequence: Int64
  /// 32 bytes.
  package let hash: [UInt8]

  /// Before the first row.
  package static let start = ChainLink(
    sequence: 0, hash: [UInt8](repeating: 0, count: RowHash.byteCount))

  package init(sequence: Int64, hash: [UInt8]) {
    self.sequence = sequence
    self.hash = hash
  }
}

/// The first row of a chained table that is not what was appended.
package struct ChainDamage: Error, Hashable, Sendable {
  package enum Kind: Hashable, Sendable {
    /// The row, or its hash, was changed.
    case altered
    /// There is no such row, and later ones are there.
    case missing
    /// The row that belongs here lies at another place.
    case reordered(liesAt: Int64)
    /// The rows agree with each other, and are not those that were marked: a log that went another
    /// way from some row up to this one.
    case forked
    /// The table ends before this row, which was committed.
    case cutOff(committedThrough: Int64)
    /// SQLite cannot read the row.
    case unreadable(reason: String)
  }

  package let table: String
  package let sequence: Int64
  package let kind: Kind

  package init(table: String, sequence: Int64, kind: Kind) {
    self.table = table
    self.sequence = sequence
    self.kind = kind
  }
}

extension ChainDamage: CustomStringConvertible {
  package var description: String { "row \(self.sequence) of \(self.table) \(self.kind)" }
}

extension ChainDamage.Kind: CustomStringConvertible {
  package var description: String {
    switch self {
    case .altered: "is altered"
    case .missing: "is missing"
    case .reordered(let place): "is out of order: it lies at \(place)"
    case .forked: "is not the row that was marked: the log went another way"
    case .cutOff(let end): "is missing: rows up to \(end) were committed"
    case .unreadable(let reason): "cannot be read: \(reason)"
    }
  }
}
