/// How the waiting room is run.
package struct WaitingRoomPolicy: Hashable, Sendable {
  package enum Mode: String, Hashable, Sendable, CaseIterable {
    /// Nobody waits.
    case off
    /// Who comes waits once the limit is reached, or others wait.
    case auto
    /// Everybody needs a turn.
    case on
  }

  package var mode: Mode
  /// Most turns and registrations at a time.
  package var limit: Int
  /// How long a ticket stays that nobody asks for.
  package var ticketSeconds: Int
  /// How long a turn lasts.
  package var turnSeconds: Int

  package init(
    mode: Mode = .auto, limit: Int = 512, ticketSeconds: Int = 60, turnSeconds: Int = 120
  ) {
    precondition(limit > 0 && ticketSeconds > 0 && turnSeconds > 0)
    self.mode = mode
    self.limit = limit
    self.ticketSeconds = ticketSeconds
    self.turnSeconds = turnSeconds
  }

  /// The longest that the ticket at `position` can wait: the turns before it end in time.
  func longestWaitSeconds(at position: Int) -> Int {
    (position + self.limit - 1) / self.limit * self.turnSeconds
  }

  /// When to ask again for a ticket: more often as its turn comes nearer, and thrice before it would
  /// expire.
  func pollAfterSeconds(estimatedWait seconds: Int) -> Int {
    max(1, min(seconds / 4, self.ticketSeconds / 3))
  }
}

/// What the waiting room looks like from outside.
package struct WaitingRoomStatus: Hashable, Sendable {
  package let mode: WaitingRoomPolicy.Mode
  package let waiting: Int
  /// Handed out, and not used up, expired or given back.
  package let turns: Int
  /// Under way, those with a turn too.
  package let registrations: Int
  package let limit: Int
  /// How many turns a second have been handed out of late, while somebody waited.
  package let admissionsPerSecond: Double

  package init(
    mode: WaitingRoomPolicy.Mode, waiting: Int, turns: Int, registrations: Int, limit: Int,
    admissionsPerSecond: Double
  ) {
    self.mode = mode
    self.waiting = waiting
    self.turns = turns
    self.registrations = registrations
    self.limit = limit
    self.admissionsPerSecond = admissionsPerSecond
  }
}
