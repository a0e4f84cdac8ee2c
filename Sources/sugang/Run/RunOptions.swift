import ArgumentParser
import Configuration
import EventLog
import Foundation
import FramedRPC
import JSON
import Kernel
import Logging
import PayCore
import SugangServices

/// What `up` and `serve` can be told by flag, by environment or by file, in this order.
struct RunOptions: ParsableArguments {
  @Option(help: "The folder of all data (SUGANG_DATA; default: data).")
  var data: String?

  @Option(help: "Added to every port (SUGANG_PORT_OFFSET; default: 0).")
  var portOffset: Int?

  @Option(help: "The address to listen on (SUGANG_HOST; default: 127.0.0.1).")
  var host: String?

  @Option(
    help:
      "trace, debug, info, notice, warning, error or critical (SUGANG_LOG_LEVEL; default: info).")
  var logLevel: String?

  @Option(
    help: ArgumentHelp(
      "What links in answers begin with (SUGANG_PUBLIC_URL; default: the gateway's address).",
      valueName: "url"))
  var publicURL: String?

  @Option(
    help: ArgumentHelp(
      "The largest payment that Pay takes (SUGANG_PAY_LIMIT_WON; default: 100000000).",
      valueName: "won"))
  var payLimitWon: Int?

  @Option(
    help: ArgumentHelp(
      """
      How long a service that is told to stop goes on serving while its /readyz answers 503, so \
      that a load balancer can turn away: of use with 'serve' (SUGANG_DRAIN_SECONDS; default: 0).
      """,
      valueName: "seconds"))
  var drainSeconds: Int?

  @Option(
    help: ArgumentHelp(
      """
      Deliveries, points, gifts, alerts and my page take events in moments in which nobody waits \
      for an answer, and 512 at a time every so often while there are none \
      (SUGANG_EVENT_DELAY_SECONDS; default: 0, at once).
      """,
      valueName: "seconds"))
  var eventDelaySeconds: Int?

  @OptionGroup var peering: PeerOptions

  @Option(
    help: ArgumentHelp(
      """
      Call and be called over mutual TLS, with ca.pem and each service's NAME.pem and NAME.key \
      from this folder (SUGANG_TLS_DIRECTORY; default: plaintext).
      """,
      valueName: "folder"))
  var tlsDirectory: String?

  @Option(
    help: ArgumentHelp(
      """
      How many calls each service's RPC server runs at once: a number, 'adaptive' to follow their \
      latency, or 'off' (SUGANG_RPC_LIMIT; default: adaptive).
      """,
      valueName: "limit"))
  var rpcLimit: String?

  @Option(
    help: ArgumentHelp(
      """
      How many requests each service's REST server runs at once: a number, 'adaptive' to follow \
      their latency, or 'off' (SUGANG_REST_LIMIT; default: adaptive).
      """,
      valueName: "limit"))
  var restLimit: String?

  @Option(
    help: ArgumentHelp(
      """
      Cancel a class whose payment has been unknown for so long (SUGANG_PENDING_LIMIT_SECONDS; \
      default: 600).
      """,
      valueName: "seconds"))
  var pendingLimitSeconds: Int?

  @Option(
    help: ArgumentHelp(
      """
      How fast each address may send requests to the gateway, such as 100/s, 100/s:300 with a burst \
      of 300, or 'off' (SUGANG_RATE_LIMIT; default: off).
      """,
      valueName: "rate"))
  var rateLimit: String?

  @Option(
    help: ArgumentHelp(
      """
      Keep a free seat so long for the next on the waitlist (SUGANG_SEAT_OFFER_SECONDS; \
      default: 900).
      """,
      valueName: "seconds"))
  var seatOfferSeconds: Int?

  @OptionGroup var waiting: WaitingRoomOptions

  @OptionGroup var authentication: AuthenticationOptions

  @Option(
    help: ArgumentHelp(
      """
      A JSON file with any of data, portOffset, host, logLevel, publicURL, payLimitWon, \
      authAudience, authIssuer, authJwks, balancing, \
      drainSeconds, eventDelaySeconds, peers, rateLimit, restLimit, rpcLimit, tlsDirectory, pendingLimitSeconds, \
      seatOfferSeconds, waitingRoom, waitingRoomLimit, waitingTicketSeconds, \
      waitingTurnSeconds (SUGANG_CONFIG).
      """,
      valueName: "file"))
  var config: String?

  private static let drainSecondsMax = 60
  private static let eventDelaySecondsMax = Int(EventFeed.maxYield.components.seconds)
  /// A day: nobody waits for longer.
  private static let waitingSecondsMax = 86_400

  static let precedence = """
    A flag wins over the environment, the environment over the --config file.
    With SUGANG_RPC_TOKEN set, every RPC port demands that token; the services
    send it to each other, and 'sugang rpc call' and 'sugang events' send it too.
    """

  func resolved() async throws -> RunSettings {
    let reader = try await self.reader()
    let offset = try await self.value("portOffset") {
      try await reader.fetchInt(forKey: $0, default: 0)
    }
    guard (0...50_000).contains(offset) else {
      throw CommandFailure("the port offset is from 0 to 50000, not \(offset)")
    }
    let levelName = try await self.value("logLevel") {
      try await reader.fetchString(forKey: $0, default: "info")
    }
    guard let level = Logger.Level(rawValue: levelName) else {
      let levels = Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
      throw CommandFailure("there is no log level '\(levelName)'; give one of \(levels)")
    }
    let payLimit = try await self.value("payLimitWon") {
      try await reader.fetchInt(forKey: $0, default: Int(PaymentPolicy.defaultLimitWon))
    }
    guard (0...Int(Money.maxWon)).contains(payLimit) else {
      throw CommandFailure("the pay limit is from 0 to \(Money.maxWon) won, not \(payLimit)")
    }
    let drainSeconds = try await self.value("drainSeconds") {
      try await reader.fetchInt(forKey: $0, default: 0)
    }
    guard (0...Self.drainSecondsMax).contains(drainSeconds) else {
      throw CommandFailure(
        "a service drains for 0 to \(Self.drainSecondsMax) seconds, not \(drainSeconds)")
    }
    let eventDelaySeconds = try await self.value("eventDelaySeconds") {
      try await reader.fetchInt(forKey: $0, default: 0)
    }
    guard (0...Self.eventDelaySecondsMax).contains(eventDelaySeconds) else {
      throw CommandFailure(
        "events are delayed for 0 to \(Self.eventDelaySecondsMax) seconds, not \(eventDelaySeconds)"
      )
    }
    let rpcLimit = try await self.limit("rpcLimit", of: "RPC", reader)
    let restLimit = try await self.limit("restLimit", of: "REST", reader)
    let rate = try await self.value("rateLimit") {
      try await reader.fetchString(forKey: $0, default: RateLimitSetting.off.text)
    }
    guard let rateLimit = RateLimitSetting(rate) else {
      throw CommandFailure("the rate limit is 'off' or such as 100/s or 100/s:300, not '\(rate)'")
    }
    let data = try await self.value("data") {
      try await reader.fetchString(forKey: $0, default: "data")
    }
    guard !data.isEmpty else { throw CommandFailure("the folder of the data has no name") }
    let tlsFolder = try await self.value("tlsDirectory") {
      try await reader.fetchString(forKey: $0, default: "")
    }
    let (peers, balancing) = try PeerOptions.settings(
      peers: try await self.value("peers") {
        try await reader.fetchString(forKey: $0, default: "")
      },
      balancing: try await self.value("balancing") {
        try await reader.fetchString(
          forKey: $0, default: BalancingSetting.leastLoaded.rawValue)
      })
    var callPolicy = CallPolicy.standard
    callPolicy.balancing = balancing.policy
    let services = ServiceSettings(
      host: try await self.value("host") {
        try await reader.fetchString(forKey: $0, default: "127.0.0.1")
      },
      portOffset: offset,
      dataFolder: data,
      publicBaseURL: try await self.publicURL(reader), payLimitWon: Int64(payLimit),
      drainDelay: .seconds(drainSeconds), eventDelay: .seconds(eventDelaySeconds),
      tlsFolder: tlsFolder.isEmpty ? nil : tlsFolder,
      admission: rpcLimit.policy, peers: peers, callPolicy: callPolicy,
      rpcToken: try RPCToken.fromEnvironment(),
      authentication: try await AuthenticationOptions.settings { key, standard in
        try await self.value(key) { try await reader.fetchString(forKey: $0, default: standard) }
      }, restAdmission: restLimit.restPolicy,
      rateLimit: rateLimit.policy,
      pendingLimitSeconds: try await self.waitingSeconds(
        "pendingLimitSeconds", "a class is pending",
        default: ServiceSettings.defaultPendingLimitSeconds, reader),
      seatOfferSeconds: try await self.waitingSeconds(
        "seatOfferSeconds", "a seat is kept",
        default: ServiceSettings.defaultSeatOfferSeconds, reader),
      waitingRoom: try await self.waitingRoom(reader))
    try AuthenticationOptions.check(services)
    return RunSettings(
      services: services, balancing: balancing, rpcLimit: rpcLimit, restLimit: restLimit,
      rateLimit: rateLimit, logLevel: level)
  }

  private func limit(
    _ key: ConfigKey, of what: String, _ reader: ConfigReader
  ) async throws -> LimitSetting {
    let text = try await self.value(key) {
      try await reader.fetchString(forKey: $0, default: LimitSetting.adaptive.text)
    }
    guard let limit = LimitSetting(text) else {
      throw CommandFailure(
        "the \(what) limit is 'adaptive', 'off' or a number from 1 to \(LimitSetting.most), "
          + "not '\(text)'")
    }
    return limit
  }

  /// - Parameter what: takes so long, in words.
  private func waitingSeconds(
    _ key: ConfigKey, _ what: String, default standard: Int64, _ reader: ConfigReader
  ) async throws -> Int64 {
    let seconds = try await self.value(key) {
      try await reader.fetchInt(forKey: $0, default: Int(standard))
    }
    guard (1...Self.waitingSecondsMax).contains(seconds) else {
      throw CommandFailure(
        "\(what) for 1 to \(Self.waitingSecondsMax) seconds, not \(seconds)")
    }
    return Int64(seconds)
  }

  /// nil when nobody set it.
  private func publicURL(_ reader: ConfigReader) async throws -> String? {
    let url = try await self.value("publicURL") {
      try await reader.fetchString(forKey: $0, default: "")
    }
    guard !url.isEmpty else { return nil }
    guard let parts = URL(string: url), ["http", "https"].contains(parts.scheme),
      parts.host()?.isEmpty == false
    else {
      throw CommandFailure("the public URL is like https://sugang.example, not '\(url)'")
    }
    return url
  }

  private func waitingRoom(_ reader: ConfigReader) async throws -> WaitingRoomSettings {
    try await WaitingRoomOptions.settings(
      text: { key, standard in
        try await self.value(key) { try await reader.fetchString(forKey: $0, default: standard) }
      },
      number: { key, standard in
        try await self.value(key) { try await reader.fetchInt(forKey: $0, default: standard) }
      })
  }

  /// A value that is there but has the wrong type is an error, never a default.
  private func value<Value>(
    _ key: ConfigKey, _ read: (ConfigKey) async throws -> Value
  ) async throws -> Value {
    do {
      return try await read(key)
    } catch {
      throw CommandFailure("the setting '\(key)' cannot be read: \(error)")
    }
  }

  private func reader() async throws -> ConfigReader {
    let environment = EnvironmentVariablesProvider().prefixKeys(with: "sugang")
    var providers: [any ConfigProvider] = [self.flags(), environment]
    if let path = self.config ?? Environment["SUGANG_CONFIG"] {
      try self.checkFile(path)
      // The initialiser that takes a path wants a type of swift-system; this one reads it by key.
      let location = ConfigReader(
        provider: InMemoryProvider(
          values: ["filePath": ConfigValue(.string(path), isSecret: false)]))
      do {
        providers.append(try await FileProvider<JSONSnapshot>(config: location))
      } catch {
        throw CommandFailure("the configuration '\(path)' cannot be read: \(error)")
      }
    }
    return ConfigReader(providers: providers)
  }

  private func flags() -> InMemoryProvider {
    var values: [AbsoluteConfigKey: ConfigValue] = [:]
    values["data"] = self.data.map { ConfigValue(.string($0), isSecret: false) }
    values["host"] = self.host.map { ConfigValue(.string($0), isSecret: false) }
    values["logLevel"] = self.logLevel.map { ConfigValue(.string($0), isSecret: false) }
    values["publicURL"] = self.publicURL.map { ConfigValue(.string($0), isSecret: false) }
    values["rpcLimit"] = self.rpcLimit.map { ConfigValue(.string($0), isSecret: false) }
    values["rateLimit"] = self.rateLimit.map { ConfigValue(.string($0), isSecret: false) }
    values["restLimit"] = self.restLimit.map { ConfigValue(.string($0), isSecret: false) }
    values["payLimitWon"] = self.payLimitWon.map { ConfigValue(.int($0), isSecret: false) }
    values["drainSeconds"] = self.drainSeconds.map { ConfigValue(.int($0), isSecret: false) }
    values["eventDelaySeconds"] = self.eventDelaySeconds.map {
      ConfigValue(.int($0), isSecret: false)
    }
    values["tlsDirectory"] = self.tlsDirectory.map { ConfigValue(.string($0), isSecret: false) }
    values["portOffset"] = self.portOffset.map { ConfigValue(.int($0), isSecret: false) }
    values["pendingLimitSeconds"] = self.pendingLimitSeconds.map {
      ConfigValue(.int($0), isSecret: false)
    }
    values["seatOfferSeconds"] = self.seatOfferSeconds.map {
      ConfigValue(.int($0), isSecret: false)
    }
    values.merge(self.peering.values) { $1 }
    values.merge(self.waiting.values) { $1 }
    values.merge(self.authentication.values) { $1 }
    return InMemoryProvider(name: "flags", values: values)
  }

  private static let textKeys =
    [
      "data", "host", "logLevel", "publicURL", "rateLimit", "restLimit", "rpcLimit",
      "tlsDirectory",
    ] + PeerOptions.textKeys + WaitingRoomOptions.textKeys + AuthenticationOptions.textKeys
  private static let numberKeys =
    [
      "drainSeconds", "eventDelaySeconds", "payLimitWon", "pendingLimitSeconds", "portOffset",
      "seatOfferSeconds",
    ] + WaitingRoomOptions.numberKeys

  /// A key that nothing reads gets a warning. A value of the wrong type is refused here, because
  /// the reader would take `true` for 1.
  private func checkFile(_ path: String) throws {
    let json: JSONValue
    do {
      let bytes = Array(try Data(contentsOf: URL(filePath: path)))
      json = try JSONValue(parsing: bytes, limits: JSONLimits(maxBytes: bytes.count))
    } catch let error as JSONError {
      throw CommandFailure("the configuration '\(path)' is not JSON: \(error)")
    } catch {
      throw CommandFailure("the configuration '\(path)' cannot be read; does the file exist?")
    }
    guard let settings = json.object else {
      throw CommandFailure("the configuration '\(path)' is no JSON object")
    }
    for setting in settings.members {
      let isText = Self.textKeys.contains(setting.name)
      guard isText || Self.numberKeys.contains(setting.name) else {
        let known = (Self.textKeys + Self.numberKeys).sorted().joined(separator: ", ")
        Console.note("warning: \(path): nothing reads '\(setting.name)'; there are \(known)")
        continue
      }
      guard isText ? setting.value.string != nil : setting.value.int64 != nil else {
        throw CommandFailure(
          "'\(setting.name)' in '\(path)' must be \(isText ? "text" : "a whole number")")
      }
    }
  }
}
