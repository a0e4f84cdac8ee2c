import Kernel

/// What is remembered of a ``RegisterClass`` under its idempotency key, so that a repeat hears the
/// same though the class has changed since.
enum RegistrationAnswer: Hashable, Sendable {
  /// The first request is still waiting for the payment.
  case waiting(Enrollment)
  /// The class as it was answered.
  case given(Enrollment)
  case refused(Problem)

  /// No request waits for Pay and the catalog for longer, in seconds.
  static let waitingMaxSeconds: Int64 = 5

  func remember(as key: CommandKey, in tx: any EnrollmentTransaction) throws {
    try tx.remember(self.text, as: key)
  }

  /// - Returns: nil when the key is new.
  /// - Throws: ``Problem/idempotencyInProgress`` while the first request has no answer. When it
  ///   will never get one, because its process died, the class as it is by now is the answer. The
  ///   refusal, when that was the answer.
  static func recall(
    _ key: CommandKey, at now: Timestamp, in tx: any EnrollmentTransaction
  ) throws -> Enrollment? {
    guard let text = try tx.recall(key) else { return nil }
    switch try RegistrationAnswer(text) {
    case .given(let enrollment): return enrollment
    case .refused(let problem): throw problem
    case .waiting(let accepted):
      guard let enrollment = try tx.enrollment(accepted.id),
        enrollment.status != .pending
          || enrollment.acceptedAt.adding(seconds: Self.waitingMaxSeconds) < now
      else { throw Problem.idempotencyInProgress }
      try RegistrationAnswer.given(enrollment).remember(as: key, in: tx)
      return enrollment
    }
  }

  private var text: String {
    switch self {
    case .waiting(let enrollment): FieldText.encode(["waiting"] + enrollment.answer)
    case .given(let enrollment): FieldText.encode(["given"] + enrollment.answer)
    case .refused(let problem): RefusedAnswer.text(problem)
    }
  }

  private init(_ text: String) throws {
    if let problem = RefusedAnswer.problem(text) {
      self = .refused(problem)
      return
    }
    guard let fields = FieldText.decode(text),
      let enrollment = try Enrollment(answer: fields.dropFirst())
    else { throw UnreadableAnswer(text) }
    self = fields[0] == "given" ? .given(enrollment) : .waiting(enrollment)
  }
}

extension Enrollment {
  fileprivate var answer: [String] {
    [
      self.id.description, self.courseID.description, String(self.terms.fee.won),
      self.terms.textBook, self.student, self.status.rawValue, self.declineReason ?? "",
      String(self.acceptedAt.microseconds),
    ]
  }

  fileprivate init?(answer: ArraySlice<String>) throws {
    let fields = Array(answer)
    guard fields.count == 8, let id = Int64(fields[0]), let courseID = Int64(fields[1]),
      let won = Int64(fields[2]), let status = Status(rawValue: fields[5]),
      let acceptedAt = Int64(fields[7])
    else { return nil }
    self.init(
      id: ClassID(id), courseID: CourseID(courseID),
      terms: CourseTerms(fee: try Money(won: won), textBook: fields[3]), student: fields[4],
      status: status, declineReason: fields[6].isEmpty ? nil : fields[6],
      acceptedAt: Timestamp(microseconds: acceptedAt))
  }
}

/// A refusal as it is remembered under an idempotency key.
enum RefusedAnswer {
  static func text(_ problem: Problem) -> String {
    FieldText.encode([
      "refused", problem.kind.rawValue, problem.code, problem.title, problem.detail,
    ])
  }

  /// - Returns: nil when `text` is no refusal.
  static func problem(_ text: String) -> Problem? {
    guard let fields = FieldText.decode(text), fields.count == 5, fields[0] == "refused",
      let kind = Problem.Kind(rawValue: fields[1])
    else { return nil }
    return Problem(kind, code: fields[2], title: fields[3], detail: fields[4])
  }
}
