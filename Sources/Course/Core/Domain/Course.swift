import Kernel

/// A course that students can enroll in.
package struct Course: Hashable, Sendable {
  package let id: CourseID
  package private(set) var details: CourseDetails
  /// Since when the course waits for Enrollment to agree to its deletion (trap T32); nil while it
  /// is open. A closing course is hidden from everybody.
  package private(set) var closingSince: Timestamp?
  /// nil while the course is offered.
  package private(set) var cancellation: Cancellation?

  package init(
    id: CourseID, details: CourseDetails, closingSince: Timestamp? = nil,
    cancellation: Cancellation? = nil
  ) {
    self.id = id
    self.details = details
    self.closingSince = closingSince
    self.cancellation = cancellation
  }

  package var isOpen: Bool { self.closingSince == nil }
  package var isCanceled: Bool { self.cancellation != nil }

  /// - Returns: What happened, or nil when `change` says what is so already (trap T15).
  package mutating func modify(_ change: CourseChange) throws(CourseError) -> CourseModified? {
    guard self.isOpen else { throw .notFound(self.id) }
    guard !self.isCanceled else { throw .canceled(self.id) }
    let details = try self.details.applying(change)
    guard details != self.details else { return nil }
    self.details = details
    return CourseModified(id: self.id, details: details)
  }

  /// Ends the course, with whoever is in it (X1).
  ///
  /// - Returns: What happened, or nil when it was canceled before (trap T15).
  package mutating func cancel(at now: Timestamp) throws(CourseError) -> CourseCanceled? {
    guard self.isOpen else { throw .notFound(self.id) }
    guard !self.isCanceled else { return nil }
    self.cancellation = Cancellation(startedAt: now)
    return CourseCanceled(
      id: self.id, name: self.details.name, teacher: self.details.teacher)
  }

  /// All classes that were in the canceled course are canceled.
  package mutating func finishCancellation(classes: Int64) {
    self.cancellation?.finish(classes: classes)
  }

  /// Begins an attempt to delete the course. Each has a moment of its own.
  ///
  /// - Returns: Whether this closed it; false when it was closing before.
  package mutating func close(at now: Timestamp) -> Bool {
    guard let earlier = self.closingSince else {
      self.closingSince = now
      return true
    }
    self.closingSince = Timestamp(
      microseconds: max(now.microseconds, earlier.microseconds + 1))
    return false
  }

  /// Opens the course again, unless a later attempt has begun: its answer decides then, since
  /// Enrollment may have agreed to it.
  package mutating func reopen(after attempt: Timestamp) {
    if self.closingSince == attempt { self.closingSince = nil }
  }
}
