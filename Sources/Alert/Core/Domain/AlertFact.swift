import Kernel

/// Something that happened and that somebody wants to hear of.
package struct AlertFact: Hashable, Sendable {
  package let eventID: String
  /// When it happened.
  package let time: Timestamp
  package let news: News

  package init(eventID: String, time: Timestamp, _ news: News) {
    self.eventID = eventID
    self.time = time
    self.news = news
  }

  /// One case an event that makes an alert.
  package enum News: Hashable, Sendable {
    case courseRegistered(CourseID, name: String, teacher: String)
    case courseModified(CourseID, name: String, teacher: String)
    case courseDeleted(CourseID, name: String, teacher: String)
    case courseCanceled(CourseID, name: String, teacher: String)
    case classRegistered(ClassID, CourseID, student: String)
    case classModified(ClassID, CourseID, student: String)
    case classCanceled(ClassID, CourseID, student: String)
    case paymentApproved(ClassID, fee: Money, student: String)
    case paymentCanceled(ClassID, fee: Money, student: String)
    case textbookDeliveried(ClassID, textBook: String, student: String)
    case deliveryCanceled(ClassID, textBook: String, student: String)
    case seatOffered(CourseID, until: Timestamp, student: String)
    case seatOfferExpired(CourseID, student: String)
  }

  /// The messages this fact is worth (R7, R16).
  package var alerts: [AlertContent] {
    let letter = self.news.letter
    return self.news.channels.map { channel in
      AlertContent(
        key: AlertKey(eventID: self.eventID, recipient: letter.recipient, channel: channel),
        classID: letter.classID, eventType: letter.eventType, message: letter.message,
        createdAt: self.time)
    }
  }
}

/// What one fact says to one person, whichever way it goes.
private struct Letter {
  let eventType: String
  let recipient: String
  var classID: ClassID?
  let message: String
}

extension AlertFact.News {
  /// A payment is told by SMS too (R21), and so is a seat that is kept for a while only.
  fileprivate var channels: [AlertChannel] {
    switch self {
    case .paymentApproved, .seatOffered: [.kakao, .sms]
    default: [.kakao]
    }
  }

  fileprivate var letter: Letter {
    switch self {
    case .courseRegistered(let id, let name, let teacher):
      Letter(
        eventType: "CourseRegistered", recipient: teacher,
        message: "Your course \(id), \(name), is open.")
    case .courseModified(let id, let name, let teacher):
      Letter(
        eventType: "CourseModified", recipient: teacher,
        message: "Your course \(id), \(name), was changed.")
    case .courseDeleted(let id, let name, let teacher):
      Letter(
        eventType: "CourseDeleted", recipient: teacher,
        message: "Your course \(id), \(name), was deleted.")
    case .courseCanceled(let id, let name, let teacher):
      Letter(
        eventType: "CourseCanceled", recipient: teacher,
        message: "Your course \(id), \(name), is canceled, and so are the classes in it.")
    case .classRegistered(let id, let course, let student):
      Letter(
        eventType: "ClassRegistered", recipient: student, classID: id,
        message: "You are in course \(course). Your class is number \(id).")
    case .classModified(let id, let course, let student):
      Letter(
        eventType: "ClassModified", recipient: student, classID: id,
        message: "Your class \(id) of course \(course) was changed.")
    case .classCanceled(let id, let course, let student):
      Letter(
        eventType: "ClassCanceled", recipient: student, classID: id,
        message: "Your class \(id) of course \(course) was canceled.")
    case .paymentApproved(let id, let fee, let student):
      Letter(
        eventType: "PaymentApproved", recipient: student, classID: id,
        message: "You paid \(fee.won) won for class \(id).")
    case .paymentCanceled(let id, let fee, let student):
      Letter(
        eventType: "PaymentCanceled", recipient: student, classID: id,
        message: "You get back \(fee.won) won for class \(id).")
    case .textbookDeliveried(let id, let textBook, let student):
      Letter(
        eventType: "TextbookDeliveried", recipient: student, classID: id,
        message: "Your textbook \(textBook) for class \(id) is on its way.")
    case .deliveryCanceled(let id, let textBook, let student):
      Letter(
        eventType: "DeliveryCanceled", recipient: student, classID: id,
        message: "Your textbook \(textBook) for class \(id) will not come.")
    case .seatOffered(let course, let limit, let student):
      Letter(
        eventType: "SeatOffered", recipient: student,
        message: "A seat in course \(course) is kept for you until \(limit.rfc3339). Enroll now.")
    case .seatOfferExpired(let course, let student):
      Letter(
        eventType: "SeatOfferExpired", recipient: student,
        message: "The seat in course \(course) is not kept for you any more.")
    }
  }
}
