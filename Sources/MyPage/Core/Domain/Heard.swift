/// The newest fact of each source that went into a row, by its sequence; 0 when there was none.
package struct Heard: Hashable, Sendable {
  package var enrollment: Int64
  /// The newest fact of Enrollment that told the textbook.
  package var textBook: Int64
  package var pay: Int64
  package var delivery: Int64
  package var point: Int64
  package var gift: Int64

  package init(
    enrollment: Int64 = 0, textBook: Int64 = 0, pay: Int64 = 0, delivery: Int64 = 0,
    point: Int64 = 0, gift: Int64 = 0
  ) {
    self.enrollment = enrollment
    self.textBook = textBook
    self.pay = pay
    self.delivery = delivery
    self.point = point
    self.gift = gift
  }

  /// - Returns: Whether `sequence` is news; then it is what was heard last.
  static func advance(_ heard: inout Int64, to sequence: Int64) -> Bool {
    guard sequence > heard else { return false }
    heard = sequence
    return true
  }
}
