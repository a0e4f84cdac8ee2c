import Kernel

/// Carries out what Pay answered for a class, whoever asked.
///
/// Meanwhile the class may have been canceled or finished by another asker; then it stays as it is.
struct FinishPayment: Sendable {
  private let id: ClassID
  private let answer: PaymentAnswer
  private let key: CommandKey?
  private let seats: SeatPolicy

  /// - Parameter key: The command that gets the outcome as its answer, if it has a key.
  init(
    of id: ClassID, _ answer: PaymentAnswer, as key: CommandKey? = nil, seats: SeatPolicy
  ) {
    self.id = id
    self.answer = answer
    self.key = key
    self.seats = seats
  }

  /// - Returns: The class as it is now.
  func perform(in tx: any EnrollmentTransaction) throws -> Enrollment {
    guard let before = try tx.enrollment(self.id) else {
      throw EnrollmentError.notFound(self.id)
    }
    var enrollment = before
    let roster = Roster(in: tx, self.seats)
    switch self.answer {
    case .approved:
      if let registered = enrollment.register() {
        try roster.update(enrollment, from: before)
        try tx.raise(.classRegistered(registered))
      } else if let canceled = enrollment.rejectLatePayment() {
        try roster.update(enrollment, from: before)
        try tx.raise(.classCanceled(canceled))
      }
    case .declined(let reason):
      enrollment.failPayment(reason)
      try roster.update(enrollment, from: before)
    case .unknown:
      break
    }
    if let key = self.key {
      try RegistrationAnswer.given(enrollment).remember(as: key, in: tx)
    }
    return enrollment
  }
}
