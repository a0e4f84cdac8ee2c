import Kernel

/// What is remembered of a ``RegisterClass`` under its idempotency key: the class as it was
/// answered, so that a repeat hears the same though the class has changed since.
struct RegistrationAnswer: Hashable, Sendable {
  /// No request waits for Pay and the catalog for longer, in seconds.
  static let waitingMaxSeconds: Int64 = 5

  private let enrollment: Enrollment
  /// false while the first request is still waiting for the payment.
  private let isGiven: Bool

  init(_ enrollment: Enrollment, isGiven: Bool) {
    self.enrollment = enrollment
    self.isGiven = isGiven
  }

  func remember(as key: CommandKey, in tx: any EnrollmentTransaction) throws {
    try tx.remember(self.text, as: key)
  }

  /// - Returns: nil when the key is new.
  /// - Throws: ``Problem/idempotencyInProgress`` while the first request has no answer. When it
  ///   will never get one, because its process died, the class as it is by now is the answer.
  static func recall(
    _ key: CommandKey, at now: Timestamp, in tx: any EnrollmentTransaction
  ) throws -> Enrollment? {
    guard let text = try tx.recall(key) else { return nil }
    let remembered = try RegistrationAnswer(text)
    if remembered.isGiven { return remembered.enrollment }
    guard let enrollment = try tx.enrollment(remembered.enrollment.id),
      enrollment.status != .pending
        || enrollment.acceptedAt.adding(seconds: Self.waitingMaxSeconds) < now
    else { throw Problem.idempotencyInProgress }
    try RegistrationAnswer(enrollment, isGiven: true).remember(as: key, in: tx)
    return enrollment
  }

  private var text: String {
    FieldText.encode([
      self.isGiven ? "given" : "waiting", self.enrollment.id.description,
      self.enrollment.courseID.description, String(self.enrollment.terms.fee.won),
      self.enrollment.terms.textBook, self.enrollment.student, self.enrollment.status.rawValue,
      self.enrollment.declineReason ?? "", String(self.enrollment.acceptedAt.microseconds),
    ])
  }

  private init(_ text: String) throws {
    guard let fields = FieldText.decode(text), fields.count == 9, let id = Int64(fields[1]),
      let courseID = Int64(fields[2]), let won = Int64(fields[3]),
      let status = Enrollment.Status(rawValue: fields[6]), let acceptedAt = Int64(fields[8])
    else { throw UnreadableAnswer(text) }
    self.isGiven = fields[0] == "given"
    self.enrollment = Enrollment(
      id: ClassID(id), courseID: CourseID(courseID),
      terms: CourseTerms(fee: try Money(won: won), textBook: fields[4]), student: fields[5],
      status: status, declineReason: fields[7].isEmpty ? nil : fields[7],
      acceptedAt: Timestamp(microseconds: acceptedAt))
  }
}
