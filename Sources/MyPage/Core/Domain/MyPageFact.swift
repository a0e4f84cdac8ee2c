import Kernel

/// Something another context told about one class.
package struct MyPageFact: Hashable, Sendable {
  package let classID: ClassID
  /// The event's place among all events of its source, from 1: the newer has the higher.
  package let sequence: Int64
  package let news: News

  package init(_ classID: ClassID, sequence: Int64, _ news: News) {
    self.classID = classID
    self.sequence = sequence
    self.news = news
  }

  /// One case an event that my page follows.
  package enum News: Hashable, Sendable {
    case classRegistered(ClassTerms, textBook: String)
    /// The seed's event says nothing of the book.
    case classModified(ClassTerms)
    case classCanceled(ClassTerms, textBook: String)
    case paymentApproved(PaymentID, ClassTerms, textBook: String)
    case paymentCanceled(PaymentID, ClassTerms, textBook: String)
    case textbookDeliveried
    case deliveryCanceled
    case pointRegistered(cashpoint: Int64)
    case pointCanceled
    case giftRegistered(giftstock: Int32)
    case giftCanceled
  }
}

/// Who takes part in which course at which fee.
package struct ClassTerms: Hashable, Sendable {
  package let courseID: CourseID
  package let fee: Money
  package let student: String

  package init(courseID: CourseID, fee: Money, student: String) {
    self.courseID = courseID
    self.fee = fee
    self.student = student
  }
}
