import EnrollmentCore
import Kernel
import Testing

@Suite("An enrollment")
struct EnrollmentTests {
  @Test("is registered once")
  func registersOnce() throws {
    var enrollment = try Self.enrollment()

    let first = enrollment.register()
    let second = enrollment.register()

    #expect(first == ClassRegistered(enrollment: enrollment))
    #expect(second == nil)
  }

  @Test(
    "T16: is canceled from pending and from registered, once",
    arguments: [
      Enrollment.Status.pending, .registered,
    ])
  func cancelsOnce(status: Enrollment.Status) throws {
    var enrollment = try Self.enrollment(status)

    let first = enrollment.cancel()
    let second = enrollment.cancel()

    #expect(first == ClassCanceled(enrollment: enrollment))
    #expect(second == nil)
    #expect(enrollment.status == .canceled)
  }

  @Test("a canceled class is neither registered nor failed by a late payment")
  func staysCanceled() throws {
    var enrollment = try Self.enrollment(.canceled)

    let registered = enrollment.register()
    enrollment.failPayment("over-limit")

    #expect(registered == nil)
    #expect(enrollment.status == .canceled)
  }

  @Test("whose payment failed is canceled without a word: nobody was told of it")
  func failed() throws {
    var enrollment = try Self.enrollment()
    enrollment.failPayment("over-limit")

    #expect(enrollment.status == .paymentFailed)
    #expect(enrollment.declineReason == "over-limit")
    #expect(!enrollment.isActive)

    let canceled = enrollment.cancel()
    #expect(canceled == nil)
    #expect(enrollment.status == .canceled)
  }

  @Test("T2: money that comes after a decline goes back")
  func latePayment() throws {
    var enrollment = try Self.enrollment()
    enrollment.failPayment("over-limit")

    let registered = enrollment.register()
    let canceled = enrollment.rejectLatePayment()
    let again = enrollment.rejectLatePayment()

    #expect(registered == nil)
    #expect(canceled == ClassCanceled(enrollment: enrollment))
    #expect(again == nil)
    #expect(enrollment.status == .canceled)
  }

  @Test("T34: its terms do not change")
  func termsFixed() throws {
    let changes = [
      ("courseId", ClassChange(courseID: CourseID(2))),
      ("fee", ClassChange(fee: try Money(won: 8888))),
      ("textBook", ClassChange(textBook: "eng_book")),
    ]
    for (field, change) in changes {
      var enrollment = try Self.enrollment(.registered)
      let error = #expect(throws: EnrollmentError.self) { _ = try enrollment.modify(change) }
      #expect(error == .termsFixed(ClassID(7), field: field))
      #expect(error?.problem.code == "terms-fixed")
    }
  }

  @Test("T15: the same terms may be sent again, and make no event")
  func sameTerms() throws {
    var enrollment = try Self.enrollment(.registered)
    let modified = try enrollment.modify(
      ClassChange(
        student: "john-doe", courseID: CourseID(1), fee: try Money(won: 10_000),
        textBook: "kor_book"))

    #expect(modified == nil)
  }

  @Test("gets another student")
  func newStudent() throws {
    var registered = try Self.enrollment(.registered)

    let modified = try registered.modify(ClassChange(student: "simon"))

    #expect(modified == ClassModified(enrollment: registered))
    #expect(registered.student == "simon")
  }

  @Test("T34: keeps its student while its payment is not known")
  func pendingStudent() throws {
    var pending = try Self.enrollment()

    let error = #expect(throws: EnrollmentError.self) {
      _ = try pending.modify(ClassChange(student: "simon"))
    }
    let same = try pending.modify(ClassChange(student: "john-doe"))

    #expect(error == .classPending(ClassID(7)))
    #expect(error?.problem.code == "class-pending")
    #expect(error?.problem.kind == .conflict)
    #expect(same == nil)
    #expect(pending.register()?.enrollment.student == "john-doe")
  }

  static func enrollment(_ status: Enrollment.Status = .pending) throws -> Enrollment {
    Enrollment(
      id: ClassID(7), courseID: CourseID(1), terms: try EnrollmentFixture.terms(),
      student: "john-doe", status: status, acceptedAt: Timestamp(microseconds: 0))
  }
}
