import AdaptorSupport
import Kernel
import MyPageCore
import Storage

/// A row of the view as a row of its table.
extension InquiryMypage {
  private static let keyColumns = ["id", "class_id"]
  private static let toldColumns = [
    "course_id", "fee", "student", "text_book", "status", "payment_id", "payment_status",
    "delivery_status", "point_status", "cashpoint", "giftstock", "heard_enrollment",
    "heard_text_book", "heard_pay", "heard_delivery", "heard_point", "heard_gift",
  ]

  static let columns = (Self.keyColumns + Self.toldColumns).joined(separator: ", ")

  static let upsert = """
    INSERT INTO inquiry_mypage (\(Self.columns))
    VALUES (\((Self.keyColumns + Self.toldColumns).map { _ in "?" }.joined(separator: ", ")))
    ON CONFLICT (id) DO UPDATE SET
      \(Self.toldColumns.map { "\($0) = excluded.\($0)" }.joined(separator: ", "))
    """

  /// In the order of ``columns``.
  var values: [SQLValue] {
    [
      .integer(self.id.value), .integer(self.classID.value),
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
      id: InquiryMypageID(row.integer(0)), classID: ClassID(row.integer(1)),
      terms: try Self.terms(row), textBook: row.optionalText(5),
      status: try Self.word(row, 6), paymentID: row.optionalInteger(7).map { PaymentID($0) },
      paymentStatus: try Self.word(row, 8), deliveryStatus: try Self.word(row, 9),
      pointStatus: try Self.word(row, 10), cashpoint: row.optionalInteger(11),
      giftstock: row.optionalInteger(12).map { Int32(clamping: $0) },
      heard: Heard(
        enrollment: row.integer(13), textBook: row.integer(14), pay: row.integer(15),
        delivery: row.integer(16), point: row.integer(17), gift: row.integer(18)))
  }

  private static func terms(_ row: SQLRow) throws -> ClassTerms? {
    guard let course = row.optionalInteger(2), let fee = row.optionalInteger(3),
      let student = row.optionalText(4)
    else { return nil }
    return ClassTerms(courseID: CourseID(course), fee: try Money(won: fee), student: student)
  }

  private static func word<Word: RawRepresentable<String>>(
    _ row: SQLRow, _ column: Int
  ) throws -> Word? {
    guard let text = row.optionalText(column) else { return nil }
    guard let word = Word(rawValue: text) else {
      throw UnknownStoredValue(
        column: "inquiry_mypage.\((Self.keyColumns + Self.toldColumns)[column])", value: text)
    }
    return word
  }
}
