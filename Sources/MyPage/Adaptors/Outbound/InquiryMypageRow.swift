import AdaptorSupport
import Kernel
import MyPageCore
import Storage

/// A row of the view as a row of its table, whose key is the class.
extension InquiryMypage {
  static let key = "class_id"
  /// The columns beside the ``key``.
  static let toldColumns = [
    "course_id", "fee", "student", "text_book", "status", "payment_id", "payment_status",
    "delivery_status", "point_status", "cashpoint", "giftstock", "heard_enrollment",
    "heard_text_book", "heard_pay", "heard_delivery", "heard_point", "heard_gift",
  ]

  static let columns = ([Self.key] + Self.toldColumns).joined(separator: ", ")

  static let upsert = """
    INSERT INTO inquiry_mypage (\(Self.columns))
    VALUES (\(([Self.key] + Self.toldColumns).map { _ in "?" }.joined(separator: ", ")))
    ON CONFLICT (\(Self.key)) DO UPDATE SET
      \(Self.toldColumns.map { "\($0) = excluded.\($0)" }.joined(separator: ", "))
    """

  /// In the order of ``columns``.
  var values: [SQLValue] {
    [
      .integer(self.classID.value),
      .integer(self.terms?.courseID.value), .integer(self.terms?.fee.won),
      .text(self.terms?.student), .text(self.textBook), .text(self.status?.rawValue),
      .integer(self.paymentID?.value), .text(self.paymentStatus?.rawValue),
      .text(self.deliveryStatus?.rawValue), .text(self.pointStatus?.rawValue),
      .integer(self.cashpoint), .integer(self.giftstock.map(Int64.init)),
      .integer(self.heard.enrollment), .integer(self.heard.textBook), .integer(self.heard.pay),
      .integer(self.heard.delivery), .integer(self.heard.point), .integer(self.heard.gift),
    ]
  }

  /// - Parameter row: has ``columns``.
  init(row: SQLRow) throws {
    self.init(
      classID: ClassID(row.integer(0)),
      terms: try Self.terms(row), textBook: row.optionalText(4),
      status: try Self.word(row, 5), paymentID: row.optionalInteger(6).map { PaymentID($0) },
      paymentStatus: try Self.word(row, 7), deliveryStatus: try Self.word(row, 8),
      pointStatus: try Self.word(row, 9), cashpoint: row.optionalInteger(10),
      giftstock: row.optionalInteger(11).map { Int32(clamping: $0) },
      heard: Heard(
        enrollment: row.integer(12), textBook: row.integer(13), pay: row.integer(14),
        delivery: row.integer(15), point: row.integer(16), gift: row.integer(17)))
  }

  private static func terms(_ row: SQLRow) throws -> ClassTerms? {
    guard let course = row.optionalInteger(1), let fee = row.optionalInteger(2),
      let student = row.optionalText(3)
    else { return nil }
    return ClassTerms(courseID: CourseID(course), fee: try Money(won: fee), student: student)
  }

  private static func word<Word: RawRepresentable<String>>(
    _ row: SQLRow, _ column: Int
  ) throws -> Word? {
    guard let text = row.optionalText(column) else { return nil }
    guard let word = Word(rawValue: text) else {
      throw UnknownStoredValue(
        column: "inquiry_mypage.\(([Self.key] + Self.toldColumns)[column])", value: text)
    }
    return word
  }
}
