import EnrollmentCore

/// How the waiting room before enrollment is run.
public struct WaitingRoomSettings: Hashable, Sendable {
  public enum Mode: String, Hashable, Sendable, CaseIterable {
    /// Nobody waits.
    case off
    /// Who comes waits once the limit is reached, or others wait.
    case auto
    /// Everybody needs a turn.
    case on
  }

  public var mode: Mode
  /// Most turns and registrations at a time, at least 1.
  public var limit: Int
  /// How long a ticket stays that nobody asks for, at least 3.
  public var ticketSeconds: Int
  /// How long a turn lasts, at least 1.
  public var turnSeconds: Int

  public init(
    mode: Mode = .auto, limit: Int = 512, ticketSeconds: Int = 60, turnSeconds: Int = 120
  ) {
    self.mode = mode
    self.limit = limit
    self.ticketSeconds = ticketSeconds
    self.turnSeconds = turnSeconds
  }

  var policy: WaitingRoomPolicy {
    let mode: WaitingRoomPolicy.Mode =
      switch self.mode {
      case .off: .off
      case .auto: .auto
      case .on: .on
      }
    return WaitingRoomPolicy(
      mode: mode, limit: self.limit, ticketSeconds: self.ticketSeconds,
      turnSeconds: self.turnSeconds)
  }
}
