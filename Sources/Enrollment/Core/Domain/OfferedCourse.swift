import Kernel

/// Enrollment's own copy of a course, so that students can enroll while Course is down (R20, X3).
///
/// News of a course may come twice and in any order; the copy ends the same.
package struct OfferedCourse: Hashable, Sendable {
  /// Only ever goes down this list.
  package enum State: String, Hashable, Sendable, CaseIterable {
    case open = "OPEN"
    /// Takes nobody in any more: its deletion was agreed to.
    case closed = "CLOSED"
    case deleted = "DELETED"
  }

  package let id: CourseID
  /// nil until Course has said what they are.
  package private(set) var terms: CourseTerms?
  /// The sequence of the event that told the terms; 0 when no event did.
  package private(set) var version: Int64
  package private(set) var state: State

  package init(
    id: CourseID, terms: CourseTerms? = nil, version: Int64 = 0, state: State = .open
  ) {
    self.id = id
    self.terms = terms
    self.version = version
    self.state = state
  }

  /// Takes the terms of an event, unless a later event was seen.
  package mutating func learn(_ terms: CourseTerms, version: Int64) {
    guard version > self.version else { return }
    self.terms = terms
    self.version = version
  }

  /// Takes the terms that Course answered, unless an event told newer ones meanwhile. The next
  /// event may replace them.
  ///
  /// - Parameter seenVersion: ``version`` when Course was asked.
  package mutating func refresh(_ terms: CourseTerms, seenVersion: Int64) {
    guard self.terms == nil || self.version == seenVersion else { return }
    self.terms = terms
  }

  package mutating func close() {
    if self.state == .open { self.state = .closed }
  }

  package mutating func delete() {
    self.state = .deleted
  }
}

/// What a student accepts by enrolling.
package struct CourseTerms: Hashable, Sendable {
  package let fee: Money
  package let textBook: String

  package init(fee: Money, textBook: String) {
    self.fee = fee
    self.textBook = textBook
  }
}
