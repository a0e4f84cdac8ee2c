import Kernel
import MyPageCore

/// The life of one class as five sources tell it, for tests that shuffle it.
enum MyPageHistory {
  static let classID = ClassID(7)

  /// Enrolled, handed to another student, canceled: the story of W3 to W16, and a change.
  static func canceled() throws -> [MyPageFact] {
    try self.enrolled() + [
      self.fact(9, .classModified(self.terms("simon"))),
      self.fact(12, .classCanceled(self.terms("simon"), textBook: "kor_book")),
      self.fact(30, .paymentCanceled(PaymentID(5), self.terms(), textBook: "kor_book")),
      self.fact(41, .deliveryCanceled),
      self.fact(51, .pointCanceled),
      self.fact(61, .giftCanceled),
    ]
  }

  /// Enrolled, paid, delivered, rewarded. Each source counts by itself.
  static func enrolled() throws -> [MyPageFact] {
    try [
      self.fact(8, .classRegistered(self.terms(), textBook: "kor_book")),
      self.fact(20, .paymentApproved(PaymentID(5), self.terms(), textBook: "kor_book")),
      self.fact(40, .textbookDeliveried),
      self.fact(50, .pointRegistered(cashpoint: 100)),
      self.fact(60, .giftRegistered(giftstock: 1)),
    ]
  }

  static func fact(_ sequence: Int64, _ news: MyPageFact.News) -> MyPageFact {
    MyPageFact(self.classID, sequence: sequence, news)
  }

  static func terms(_ student: String = "john-doe", fee: Int64 = 10_000) throws -> ClassTerms {
    ClassTerms(courseID: CourseID(1), fee: try Money(won: fee), student: student)
  }

  static func row(of facts: [MyPageFact]) -> InquiryMypage {
    var row = InquiryMypage(classID: self.classID)
    for fact in facts { row.apply(fact) }
    return row
  }
}
