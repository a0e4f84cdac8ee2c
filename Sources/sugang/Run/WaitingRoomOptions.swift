import SugangServices

/// What the settings of the waiting room may be.
enum WaitingRoomOptions {
  /// A setting that is a number.
  struct Number: Sendable {
    let name: String
    let path: any WritableKeyPath<WaitingRoomSettings, Int> & Sendable
    let range: ClosedRange<Int>

    func checked(_ number: Int) throws(CommandFailure) -> Int {
      guard self.range.contains(number) else {
        throw CommandFailure(
          "\(self.name) is from \(self.range.lowerBound) to \(self.range.upperBound), not \(number)"
        )
      }
      return number
    }
  }

  private static let secondsMax = 86_400

  static let numbers: KeyValuePairs<String, Number> = [
    "waitingRoomLimit": Number(
      name: "the limit of the waiting room", path: \.limit, range: 1...65_536),
    // Three, so that there is time to ask for a ticket before it expires.
    "waitingTicketSeconds": Number(
      name: "the time of a waiting ticket, in seconds,", path: \.ticketSeconds,
      range: 3...secondsMax),
    "waitingTurnSeconds": Number(
      name: "the time of a turn, in seconds,", path: \.turnSeconds, range: 1...secondsMax),
  ]

  static func mode(_ text: String) throws(CommandFailure) -> WaitingRoomSettings.Mode {
    guard let mode = WaitingRoomSettings.Mode(rawValue: text) else {
      throw CommandFailure("the waiting room is 'off', 'auto' or 'on', not '\(text)'")
    }
    return mode
  }

  /// The flags that say the same.
  static func flags(_ settings: WaitingRoomSettings) -> [String] {
    [
      "--waiting-room", settings.mode.rawValue, "--waiting-room-limit", "\(settings.limit)",
      "--waiting-ticket-seconds", "\(settings.ticketSeconds)", "--waiting-turn-seconds",
      "\(settings.turnSeconds)",
    ]
  }
}
