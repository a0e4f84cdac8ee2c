import Contracts
import EnrollmentCore
import FramedRPC
import Kernel

extension EnrollmentV1.WaitlistEntry {
  init(_ place: WaitlistPlace) {
    let entry = place.entry
    self.init(
      id: entry.id.value, courseID: entry.courseID.value, student: entry.student,
      state: entry.state.rawValue, position: place.position ?? 0,
      joinedAtUs: entry.joinedAt.microseconds,
      offerExpiresAtUs: entry.offerExpiresAt?.microseconds, classID: entry.classID?.value)
  }
}

extension WaitlistPlace {
  /// - Throws: when the server sent what no place in line can be.
  init(_ message: EnrollmentV1.WaitlistEntry) throws {
    guard let state = WaitlistEntry.State(rawValue: message.state) else {
      throw RPCError(.internal, "'\(message.state)' is no state of a place in line")
    }
    self.init(
      WaitlistEntry(
        id: WaitlistID(message.id), courseID: CourseID(message.courseID),
        student: message.student, state: state,
        joinedAt: Timestamp(microseconds: message.joinedAtUs),
        offerExpiresAt: message.offerExpiresAtUs.map { Timestamp(microseconds: $0) },
        classID: message.classID.map { ClassID($0) }),
      position: message.position == 0 ? nil : message.position)
  }
}
