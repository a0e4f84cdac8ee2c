import Kernel

/// A course that students can enroll in.
package struct Course: Hashable, Sendable {
  package let id: CourseID
  package private(set) var details: CourseDetails
  /// Since when the course waits for Enrollment to agree to its deletion (trap T32); nil while it
  /// is open. A closing course is hidden from everybody.
  package private(set) var closingSince: Timestamp?

  package init(id: CourseID, details: CourseDetails, closingSince: Timestamp? = nil) {
    self.id = id
    self.details = details
    self.closingSince = closingSince
  }

  package var isOpen: Bool { self.closingSince == nil }

  /// - Returns: What happened, or nil when `change` says what is so already (trap T15).
  package mutating func modify(_ change: CourseChange) throws(CourseError) -> CourseModified? {
    guard self.isOpen else { throw .notFound(self.id) }
    let details = try self.details.applying(change)
    guard details != self.details else { return nil }
    self.details = details
    return CourseModified(id: self.id, details: details)
  }

  /// - Returns: Whether this closed it; false when it was closing before.
  package mutating func close(at now: Timestamp) -> Bool {
    guard self.isOpen else { return false }
    self.closingSince = now
    return true
  }

  package mutating func reopen() {
    self.closingSince = nil
  }
}
