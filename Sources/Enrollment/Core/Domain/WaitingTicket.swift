import Kernel

/// One student's place in the line before enrollment.
package struct WaitingTicket: Hashable, Sendable {
  package enum State: String, Hashable, Sendable, CaseIterable {
    case waiting = "WAITING"
    /// The student may enroll now.
    case turn = "TURN"
    /// The student has enrolled.
    case used = "USED"
    /// Nobody asked for the ticket any more, or the turn was not used in time.
    case expired = "EXPIRED"
    case left = "LEFT"

    package var isOver: Bool { self != .waiting && self != .turn }
  }

  package let token: WaitingToken
  /// The order of the line: who came first has the smaller one.
  package let sequence: Int64
  package let student: String
  /// The course that the student was let into the line for. The place is the student's, not the
  /// course's: the turn admits to any.
  package let courseID: CourseID
  package let takenAt: Timestamp
  package private(set) var state: State
  /// When the turn ends, or ended; nil when it has not come.
  package private(set) var turnExpiresAt: Timestamp?
  /// nil while the ticket is good.
  package private(set) var endedAt: Timestamp?

  package init(
    token: WaitingToken, sequence: Int64, student: String, courseID: CourseID,
    takenAt: Timestamp, state: State = .waiting, turnExpiresAt: Timestamp? = nil,
    endedAt: Timestamp? = nil
  ) {
    self.token = token
    self.sequence = sequence
    self.student = student
    self.courseID = courseID
    self.takenAt = takenAt
    self.state = state
    self.turnExpiresAt = turnExpiresAt
    self.endedAt = endedAt
  }

  /// The turn has come, or lasts for longer than was said.
  mutating func giveTurn(until end: Timestamp) {
    guard !self.state.isOver else { return }
    self.state = .turn
    self.turnExpiresAt = end
  }

  mutating func end(as state: State, at now: Timestamp) {
    guard !self.state.isOver else { return }
    self.state = state
    self.endedAt = now
  }
}

/// The name of a ticket: 128 random bits. Who knows it may use the ticket, and nobody guesses it.
package struct WaitingToken: Hashable, Sendable {
  private static let digitCount = 32

  /// 32 hexadecimal digits.
  package let value: String

  /// - Parameter generator: A cryptographic one, outside of tests.
  package init(using generator: inout some RandomNumberGenerator) {
    let bits = (0..<2).map { _ in String(generator.next() as UInt64, radix: 16) }
    self.value = bits.map { String(repeating: "0", count: 16 - $0.count) + $0 }.joined()
  }

  /// - Returns: nil when no ticket has a token like this.
  package init?(_ text: String) {
    guard text.utf8.count == Self.digitCount,
      text.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
    else { return nil }
    self.value = text
  }
}

/// A ticket, and what its holder wants to know of the line.
package struct WaitingStanding: Hashable, Sendable {
  package let ticket: WaitingTicket
  /// 1 is next; nil when the ticket does not wait.
  package let position: Int?
  /// How long the ticket will wait yet, as far as can be told; nil when it does not wait.
  package let estimatedWaitSeconds: Int?
  /// When to ask again, in seconds; nil when there is nothing to ask for.
  package let retryAfterSeconds: Int?

  package init(
    ticket: WaitingTicket, position: Int? = nil, estimatedWaitSeconds: Int? = nil,
    retryAfterSeconds: Int? = nil
  ) {
    self.ticket = ticket
    self.position = position
    self.estimatedWaitSeconds = estimatedWaitSeconds
    self.retryAfterSeconds = retryAfterSeconds
  }
}
