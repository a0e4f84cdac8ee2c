import AdaptorSupport
import Contracts
import FramedRPC
import Kernel
import MyPageCore

extension MypageV1.InquiryMypage {
  /// A visible row: its terms and its status are known.
  init(_ row: InquiryMypage) {
    self.init(
      id: row.id.value, classID: row.classID.value, courseID: row.terms?.courseID.value ?? 0,
      paymentID: row.paymentID?.value, fee: row.terms?.fee.won ?? 0, textBook: row.textBook,
      student: row.terms?.student ?? "", status: row.status?.rawValue ?? "",
      paymentStatus: row.paymentStatus?.rawValue, deliveryStatus: row.deliveryStatus?.rawValue,
      pointStatus: row.pointStatus?.rawValue, cashpoint: row.cashpoint,
      giftstock: row.giftstock)
  }
}

extension InquiryMypage {
  /// What was heard of each source stays with the service.
  ///
  /// - Throws: when the server sent what no row of my page can be.
  init(_ message: MypageV1.InquiryMypage) throws {
    self.init(
      classID: ClassID(message.classID),
      terms: ClassTerms(
        courseID: CourseID(message.courseID), fee: try Money(won: message.fee, field: "fee"),
        student: message.student),
      textBook: message.textBook, status: try Self.word(message.status),
      paymentID: message.paymentID.map { PaymentID($0) },
      paymentStatus: try Self.word(message.paymentStatus),
      deliveryStatus: try Self.word(message.deliveryStatus),
      pointStatus: try Self.word(message.pointStatus), cashpoint: message.cashpoint,
      giftstock: message.giftstock, heard: Heard())
  }

  private static func word<Word: RawRepresentable<String>>(_ text: String?) throws -> Word? {
    guard let text else { return nil }
    guard let word = Word(rawValue: text) else {
      throw RPCError(.internal, "'\(text)' is no word of my page")
    }
    return word
  }
}
