import AdaptorSupport
import Contracts
import EnrollmentCore
import FramedRPC
import Kernel

extension EnrollmentV1.Enrollment {
  init(_ enrollment: Enrollment) {
    self.init(
      id: enrollment.id.value, courseID: enrollment.courseID.value,
      fee: enrollment.terms.fee.won, student: enrollment.student,
      textBook: enrollment.terms.textBook, status: enrollment.status.rawValue,
      declineReason: enrollment.declineReason ?? "",
      acceptedAtUs: enrollment.acceptedAt.microseconds)
  }
}

extension Enrollment {
  /// - Throws: when the server sent what no enrollment can be.
  init(_ message: EnrollmentV1.Enrollment) throws {
    guard let status = Status(rawValue: message.status), let fee = try? Money(won: message.fee)
    else {
      throw RPCError(
        .internal, "'\(message.status)' and \(message.fee) won are no status and fee of a class")
    }
    self.init(
      id: ClassID(message.id), courseID: CourseID(message.courseID),
      terms: CourseTerms(fee: fee, textBook: message.textBook), student: message.student,
      status: status, declineReason: message.declineReason.isEmpty ? nil : message.declineReason,
      acceptedAt: Timestamp(microseconds: message.acceptedAtUs))
  }
}
