import ArgumentParser
import Configuration
import SugangServices

/// The settings of the waiting room.
struct WaitingRoomOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      Before enrollment: 'on' and everybody waits for a turn, 'auto' and students wait once the \
      limit is reached, or 'off' (SUGANG_WAITING_ROOM; default: auto).
      """,
      valueName: "mode"))
  var waitingRoom: String?

  @Option(
    help: ArgumentHelp(
      """
      Most registrations and turns of the waiting room at a time (SUGANG_WAITING_ROOM_LIMIT; \
      default: 512).
      """,
      valueName: "limit"))
  var waitingRoomLimit: Int?

  @Option(
    help: ArgumentHelp(
      """
      How long a waiting ticket stays that nobody asks for (SUGANG_WAITING_TICKET_SECONDS; \
      default: 60).
      """,
      valueName: "seconds"))
  var waitingTicketSeconds: Int?

  @Option(
    help: ArgumentHelp(
      "How long a turn of the waiting room lasts (SUGANG_WAITING_TURN_SECONDS; default: 120).",
      valueName: "seconds"))
  var waitingTurnSeconds: Int?

  static let textKeys = ["waitingRoom"]
  static let numberKeys = ["waitingRoomLimit", "waitingTicketSeconds", "waitingTurnSeconds"]

  private static let secondsMax = 86_400

  /// What the flags say.
  var values: [AbsoluteConfigKey: ConfigValue] {
    var values: [AbsoluteConfigKey: ConfigValue] = [:]
    values["waitingRoom"] = self.waitingRoom.map { ConfigValue(.string($0), isSecret: false) }
    values["waitingRoomLimit"] = self.waitingRoomLimit.map {
      ConfigValue(.int($0), isSecret: false)
    }
    values["waitingTicketSeconds"] = self.waitingTicketSeconds.map {
      ConfigValue(.int($0), isSecret: false)
    }
    values["waitingTurnSeconds"] = self.waitingTurnSeconds.map {
      ConfigValue(.int($0), isSecret: false)
    }
    return values
  }

  /// What all sources together say.
  ///
  /// - Parameters: how to read a setting, when it is not set by its default.
  static func settings(
    text: (ConfigKey, String) async throws -> String,
    number: (ConfigKey, Int) async throws -> Int
  ) async throws -> WaitingRoomSettings {
    let standard = WaitingRoomSettings()
    let mode = try await text("waitingRoom", standard.mode.rawValue)
    guard let mode = WaitingRoomSettings.Mode(rawValue: mode) else {
      throw CommandFailure("the waiting room is 'off', 'auto' or 'on', not '\(mode)'")
    }
    return WaitingRoomSettings(
      mode: mode,
      limit: try Self.check(
        try await number("waitingRoomLimit", standard.limit), in: 1...65_536,
        "the limit of the waiting room is"),
      // Three, so that there is time to ask for a ticket before it expires.
      ticketSeconds: try Self.check(
        try await number("waitingTicketSeconds", standard.ticketSeconds), in: 3...Self.secondsMax,
        "a waiting ticket stays, in seconds,"),
      turnSeconds: try Self.check(
        try await number("waitingTurnSeconds", standard.turnSeconds), in: 1...Self.secondsMax,
        "a turn lasts, in seconds,"))
  }

  private static func check(
    _ number: Int, in range: ClosedRange<Int>, _ what: String
  ) throws(CommandFailure) -> Int {
    guard range.contains(number) else {
      throw CommandFailure("\(what) from \(range.lowerBound) to \(range.upperBound), not \(number)")
    }
    return number
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
