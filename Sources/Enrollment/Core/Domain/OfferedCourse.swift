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
    /// Takes nobody in any more, and whoever is in it is let go (X1).
    case canceled = "CANCELED"
    case deleted = "DELETED"
  }

  package let id: CourseID
  /// nil until Course has said what it is.
  package private(set) var offer: CourseOffer?
  /// The sequence of the event that told the offer; 0 when no event did.
  package private(set) var version: Int64
  package private(set) var state: State
  /// Seats of active classes, and those that are kept for somebody in line. More than the capacity
  /// only after that was lowered.
  package private(set) var seatsTaken: Int64
  /// Students in line, without those who were offered a seat.
  package private(set) var waiting: Int64
  /// Classes that there were when the course was canceled; nil unless it was.
  package private(set) var classesToCancel: Int64?

  package init(
    id: CourseID, offer: CourseOffer? = nil, version: Int64 = 0, state: State = .open,
    seatsTaken: Int64 = 0, waiting: Int64 = 0, classesToCancel: Int64? = nil
  ) {
    self.id = id
    self.offer = offer
    self.version = version
    self.state = state
    self.seatsTaken = seatsTaken
    self.waiting = waiting
    self.classesToCancel = classesToCancel
  }

  package var terms: CourseTerms? { self.offer?.terms }

  package var limits: SeatLimits { self.offer?.limits ?? .standard }

  package var hasFreeSeat: Bool {
    self.limits.capacity.map { self.seatsTaken < $0 } ?? true
  }

  /// Nobody overtakes those in line.
  package var hasSeatForNewcomer: Bool { self.waiting == 0 && self.hasFreeSeat }

  /// Takes the offer of an event, unless a later event was seen.
  package mutating func learn(_ offer: CourseOffer, version: Int64) {
    guard version > self.version else { return }
    self.offer = offer
    self.version = version
  }

  /// Takes the offer that Course answered, unless an event told newer ones meanwhile. The next
  /// event may replace them.
  ///
  /// - Parameter seenVersion: ``version`` when Course was asked.
  package mutating func refresh(_ offer: CourseOffer, seenVersion: Int64) {
    guard self.offer == nil || self.version == seenVersion else { return }
    self.offer = offer
  }

  package mutating func close() {
    if self.state == .open { self.state = .closed }
  }

  /// The line must have been closed: then every seat that is taken is a class's. News of an end
  /// that came before changes nothing.
  mutating func cancel() {
    guard self.state == .open || self.state == .closed else { return }
    self.state = .canceled
    self.classesToCancel = self.seatsTaken
  }

  package mutating func delete() {
    self.state = .deleted
  }

  // MARK: Seats, which the roster counts

  mutating func takeSeat() { self.seatsTaken += 1 }

  mutating func freeSeat() { self.seatsTaken -= 1 }

  mutating func joinLine() { self.waiting += 1 }

  mutating func leaveLine() { self.waiting -= 1 }

  mutating func keepSeatForNext() {
    self.waiting -= 1
    self.seatsTaken += 1
  }
}

/// What Course says of a course: what a student accepts, and how many may.
package struct CourseOffer: Hashable, Sendable {
  package let terms: CourseTerms
  package let limits: SeatLimits

  package init(_ terms: CourseTerms, limits: SeatLimits = .standard) {
    self.terms = terms
    self.limits = limits
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
