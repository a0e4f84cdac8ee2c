/// One row of an answer, its columns by index from 0.
///
/// A column of another type than asked for is a mistake of the query or of the schema, not of the
/// data (declare tables STRICT and columns NOT NULL, and SQLite keeps it so): it stops the process
/// with the column's number instead of passing on a made-up zero.
package struct SQLRow: Sendable {
  /// The values of the whole answer, row after row: one allocation for all of its rows.
  private let values: [SQLValue]
  private let start: Int
  package let columnCount: Int

  init(values: [SQLValue], start: Int, columnCount: Int) {
    self.values = values
    self.start = start
    self.columnCount = columnCount
  }

  /// A row of its own, for tests of code that decodes rows.
  package init(_ values: [SQLValue]) {
    self.init(values: values, start: 0, columnCount: values.count)
  }

  package subscript(column: Int) -> SQLValue {
    precondition(
      (0..<self.columnCount).contains(column),
      "column \(column) of a row with \(self.columnCount)")
    return self.values[self.start + column]
  }

  package func integer(_ column: Int) -> Int64 {
    guard case .integer(let value) = self[column] else { self.refuse(column, "an integer") }
    return value
  }

  package func text(_ column: Int) -> String {
    guard case .text(let value) = self[column] else { self.refuse(column, "a text") }
    return value
  }

  package func blob(_ column: Int) -> [UInt8] {
    guard case .blob(let value) = self[column] else { self.refuse(column, "a blob") }
    return value
  }

  package func optionalInteger(_ column: Int) -> Int64? {
    self[column] == .null ? nil : self.integer(column)
  }

  package func optionalText(_ column: Int) -> String? {
    self[column] == .null ? nil : self.text(column)
  }

  private func refuse(_ column: Int, _ wanted: String) -> Never {
    let found =
      switch self[column] {
      case .null: "NULL"
      case .integer: "an integer"
      case .text: "a text"
      case .blob: "a blob"
      }
    preconditionFailure("column \(column) is \(found), not \(wanted)")
  }
}
