import Kernel

/// What callers may ask of the waiting room before enrollment.
package protocol WaitingRoomPort: Sendable {
  /// The student's ticket, a new one if there is none: a student has one place, whatever the number
  /// of windows.
  ///
  /// - Throws: ``WaitingRoomError/closed``; what a registration would be refused with as things
  ///   stand, so that nobody waits in vain.
  func takeTicket(_ wish: TakeTicket, by caller: Caller) async throws -> TakenTicket

  /// Asking keeps the ticket alive.
  ///
  /// - Throws: ``WaitingRoomError/notFound(token:)``, also to whom it does not belong, whose asking
  ///   changes nothing.
  func ticket(_ token: String, by caller: Caller) async throws -> WaitingStanding

  /// Gives up the place. Again it changes nothing and is no error.
  ///
  /// - Throws: ``WaitingRoomError/notFound(token:)``.
  func leave(_ token: String, by caller: Caller) async throws

  func status() async throws -> WaitingRoomStatus
}

/// The command of a student who wants to enroll, and waits for it.
package struct TakeTicket: Hashable, Sendable {
  package let student: String
  package let courseID: CourseID

  package init(student: String, courseID: CourseID) {
    self.student = student.normalized
    self.courseID = courseID
  }
}

/// The answer to ``TakeTicket``.
package struct TakenTicket: Hashable, Sendable {
  package let standing: WaitingStanding
  /// false when the student has had the ticket before.
  package let isNew: Bool

  package init(standing: WaitingStanding, isNew: Bool) {
    self.standing = standing
    self.isNew = isNew
  }
}
