import MyPageCore
import Storage

/// A row of the view as the bytes that it is kept in: what two views are compared by.
struct ViewRow: Sendable {
  let classID: Int64
  /// In the order of ``InquiryMypage/toldColumns``: blobs and nulls. The columns' types need no
  /// comparing, since the table is STRICT.
  let bytes: [SQLValue]

  private static let selection = ([InquiryMypage.key] + InquiryMypage.toldColumns.map(Self.bytes))
    .joined(separator: ", ")

  private static func bytes(of column: String) -> String { "CAST(\(column) AS BLOB)" }

  private init(_ row: SQLRow) {
    self.classID = row.integer(0)
    self.bytes = (1..<row.columnCount).map { row[$0] }
  }

  /// Rows in the order of their classes, visible or not.
  static func page(
    from classID: Int64, atMost count: Int, in connection: any SQLConnection
  ) throws -> [ViewRow] {
    try connection.rows(
      """
      SELECT \(Self.selection) FROM inquiry_mypage
      WHERE class_id >= ? ORDER BY class_id LIMIT ?
      """, [.integer(classID), .integer(Int64(count))]
    ).map(ViewRow.init)
  }
}

/// A row that is not what the events tell; nothing of what it says (trap T28).
package struct ViewDifference: Hashable, Sendable {
  /// How the live view differs.
  package enum Kind: Hashable, Sendable {
    case missing
    case extra
    /// These columns have other bytes.
    case changed(columns: [String])
  }

  package let classID: Int64
  package let kind: Kind

  package init(classID: Int64, kind: Kind) {
    self.classID = classID
    self.kind = kind
  }

  /// Compares rows of the same range of classes, both in their order.
  static func all(live: some Collection<ViewRow>, rebuilt: some Collection<ViewRow>)
    -> [ViewDifference]
  {
    var differences: [ViewDifference] = []
    var live = live[...]
    var rebuilt = rebuilt[...]
    while let first = [live.first, rebuilt.first].compactMap({ $0?.classID }).min() {
      let old = live.first?.classID == first ? live.removeFirst() : nil
      let new = rebuilt.first?.classID == first ? rebuilt.removeFirst() : nil
      if let kind = Self.kind(old, new) {
        differences.append(ViewDifference(classID: first, kind: kind))
      }
    }
    return differences
  }

  private static func kind(_ live: ViewRow?, _ rebuilt: ViewRow?) -> Kind? {
    guard let live else { return .missing }
    guard let rebuilt else { return .extra }
    let columns = InquiryMypage.toldColumns.indices.filter { live.bytes[$0] != rebuilt.bytes[$0] }
    return columns.isEmpty
      ? nil : .changed(columns: columns.map { InquiryMypage.toldColumns[$0] })
  }
}
