import Kernel

package enum WaitlistKind {}
package typealias WaitlistID = Identifier<WaitlistKind>

/// One student's place in the line for a full course. Ids ascend in the order of joining.
package struct WaitlistEntry: Hashable, Sendable {
  package enum State: String, Hashable, Sendable, CaseIterable {
    case waiting = "WAITING"
    /// A seat is kept for the student, until ``WaitlistEntry/offerExpiresAt``.
    case offered = "OFFERED"
    /// The student enrolled in time.
    case taken = "TAKEN"
    /// The student did not enroll in time; the seat went to the next.
    case expired = "EXPIRED"
    case left = "LEFT"
    /// The course takes nobody in any more.
    case closed = "CLOSED"
  }

  package let id: WaitlistID
  package let courseID: CourseID
  package let student: String
  package private(set) var state: State
  package let joinedAt: Timestamp
  /// nil unless offered.
  package private(set) var offerExpiresAt: Timestamp?
  /// The class that has the seat; nil unless taken.
  package private(set) var classID: ClassID?

  package init(
    id: WaitlistID, courseID: CourseID, student: String, state: State = .waiting,
    joinedAt: Timestamp, offerExpiresAt: Timestamp? = nil, classID: ClassID? = nil
  ) {
    self.id = id
    self.courseID = courseID
    self.student = student
    self.state = state
    self.joinedAt = joinedAt
    self.offerExpiresAt = offerExpiresAt
    self.classID = classID
  }

  /// Waits, or has a seat kept for it: a student has one such place a course.
  package var isLive: Bool { self.state == .waiting || self.state == .offered }

  /// Whether the student is too late for the seat that was offered.
  package func isOverdue(at now: Timestamp) -> Bool {
    self.offerExpiresAt.map { $0 <= now } ?? false
  }

  mutating func offer(until limit: Timestamp) {
    self.state = .offered
    self.offerExpiresAt = limit
  }

  mutating func take(by classID: ClassID) {
    self.end(.taken)
    self.classID = classID
  }

  mutating func end(_ state: State) {
    self.state = state
    self.offerExpiresAt = nil
  }
}

/// A place in line with how far it is from the front.
package struct WaitlistPlace: Hashable, Sendable {
  package let entry: WaitlistEntry
  /// 1 is next; nil for who does not wait.
  package let position: Int64?

  package init(_ entry: WaitlistEntry, position: Int64?) {
    self.entry = entry
    self.position = position
  }
}
