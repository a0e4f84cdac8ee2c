import FramedRPC

/// A rate on the command line: `100/s`, `6000/m:300` with a burst of 300, or `off`.
enum RateLimitSetting: Hashable, Sendable {
  case off
  /// `text` is what was given.
  case rate(RateLimitPolicy, text: String)

  private static let units: [Substring: Duration] = [
    "s": .seconds(1), "m": .seconds(60), "h": .seconds(3_600),
  ]

  init?(_ text: String) {
    guard text != "off" else {
      self = .off
      return
    }
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    let rate = parts[0].split(separator: "/", omittingEmptySubsequences: false)
    guard rate.count == 2, let permits = Self.count(rate[0]), let unit = Self.units[rate[1]],
      let burst = parts.count == 2 ? Self.count(parts[1]) : permits
    else { return nil }
    self = .rate(RateLimitPolicy(permits: permits, per: unit, burst: burst), text: text)
  }

  private static func count(_ text: Substring) -> Int? {
    Int(text).flatMap { (1...1_000_000).contains($0) ? $0 : nil }
  }

  var text: String {
    switch self {
    case .off: "off"
    case .rate(_, let text): text
    }
  }

  var policy: RateLimitPolicy? {
    switch self {
    case .off: nil
    case .rate(let policy, _): policy
    }
  }
}
