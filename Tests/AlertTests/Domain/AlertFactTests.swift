import AlertCore
import Kernel
import Testing

@Suite("The alerts of a fact")
struct AlertFactTests {
  @Test("R7, R16: each fact is told to its student or teacher by KakaoTalk")
  func everyFact() throws {
    for (news, eventType, recipient) in try Self.everyNews() {
      let alerts = Self.fact(news).alerts.filter { $0.key.channel == .kakao }

      #expect(alerts.map(\.eventType) == [eventType])
      #expect(alerts.map(\.key.recipient) == [recipient])
      #expect(alerts.map(\.key.eventID) == ["event-1"])
      #expect(alerts.map(\.createdAt) == [Timestamp(microseconds: 5)])
      let isAboutCourse = eventType.hasPrefix("Course") || eventType.hasPrefix("Seat")
      #expect(alerts.map { $0.classID == nil } == [isAboutCourse])
    }
  }

  @Test("R21: only an approved payment, and a seat that does not wait, are told by SMS too")
  func sms() throws {
    let told = try Self.everyNews().filter { news, _, _ in
      Self.fact(news).alerts.contains { $0.key.channel == .sms }
    }

    #expect(told.map(\.1) == ["PaymentApproved", "SeatOffered"])
  }

  @Test("say what happened in plain words")
  func words() throws {
    let paid = Self.fact(
      .paymentApproved(ClassID(7), fee: try Money(won: 10_000), student: "john-doe"))

    #expect(paid.alerts.first?.message == "You paid 10000 won for class 7.")
    let offered = Self.fact(
      .seatOffered(
        CourseID(1), until: Timestamp(microseconds: 900_000_000), student: "john-doe"))
    #expect(
      offered.alerts.first?.message
        == "A seat in course 1 is kept for you until 1970-01-01T00:15:00.000000Z. Enroll now.")
  }

  static func fact(_ news: AlertFact.News, time: Int64 = 5) -> AlertFact {
    AlertFact(eventID: "event-1", time: Timestamp(microseconds: time), news)
  }

  private static func everyNews() throws -> [(AlertFact.News, String, String)] {
    let course = CourseID(1)
    let id = ClassID(7)
    let fee = try Money(won: 10_000)
    return [
      (.courseRegistered(course, name: "korean", teacher: "hong"), "CourseRegistered", "hong"),
      (.courseModified(course, name: "korean", teacher: "hong"), "CourseModified", "hong"),
      (.courseDeleted(course, name: "korean", teacher: "hong"), "CourseDeleted", "hong"),
      (.courseCanceled(course, name: "korean", teacher: "hong"), "CourseCanceled", "hong"),
      (.classRegistered(id, course, student: "john"), "ClassRegistered", "john"),
      (.classModified(id, course, student: "john"), "ClassModified", "john"),
      (.classCanceled(id, course, student: "john"), "ClassCanceled", "john"),
      (.paymentApproved(id, fee: fee, student: "john"), "PaymentApproved", "john"),
      (.paymentCanceled(id, fee: fee, student: "john"), "PaymentCanceled", "john"),
      (.textbookDeliveried(id, textBook: "b", student: "john"), "TextbookDeliveried", "john"),
      (.deliveryCanceled(id, textBook: "b", student: "john"), "DeliveryCanceled", "john"),
      (
        .seatOffered(course, until: Timestamp(microseconds: 9), student: "john"), "SeatOffered",
        "john"
      ),
      (.seatOfferExpired(course, student: "john"), "SeatOfferExpired", "john"),
    ]
  }
}
