import ArgumentParser

/// What a load must keep: `p99<20ms`, `errors<0.1%`, `dropped<=0`, `rate>=990`, `messages>=5000/s`.
struct PressThreshold: ExpressibleByArgument, Sendable {
  enum Metric: Hashable {
    /// A latency in milliseconds, by the fraction of calls that did not exceed it.
    case quantile(Double)
    case mean
    case max
    case errors
    case errorPercent
    case dropped
    case droppedPercent
    case rate
    /// A second, both ways.
    case messages
  }

  struct Check: Sendable {
    let threshold: PressThreshold
    let holds: Bool
    /// With its unit.
    let found: String
  }

  /// As the user wrote it.
  let text: String
  private let metric: Metric
  private let comparison: String
  private let bound: Double

  init?(argument: String) {
    let text = argument.filter { $0 != " " }
    guard let operators = text.firstRange(of: /<=|>=|<|>/),
      let number = text[operators.upperBound...].prefixMatch(of: /[0-9]+(\.[0-9]+)?/),
      let value = Double(number.output.0)
    else { return nil }
    let unit = String(text[number.range.upperBound...])
    guard
      let (metric, factor) = Self.metric(String(text[..<operators.lowerBound]), unit)
    else { return nil }
    self.text = argument
    self.metric = metric
    self.comparison = String(text[operators])
    self.bound = value * factor
  }

  /// The factor makes a bound of the metric's unit: milliseconds, percent or calls.
  private static func metric(_ name: String, _ unit: String) -> (Metric, Double)? {
    switch (name, unit) {
    case ("errors", "%"): return (.errorPercent, 1)
    case ("errors", ""): return (.errors, 1)
    case ("dropped", "%"): return (.droppedPercent, 1)
    case ("dropped", ""): return (.dropped, 1)
    case ("rate", ""), ("rate", "/s"): return (.rate, 1)
    case ("messages", ""), ("messages", "/s"): return (.messages, 1)
    default: break
    }
    guard let factor = ["us": 0.001, "µs": 0.001, "ms": 1, "s": 1000][unit] else { return nil }
    switch name {
    case "mean": return (.mean, factor)
    case "max": return (.max, factor)
    default:
      guard name.hasPrefix("p"), let percent = Double(name.dropFirst()), percent > 0,
        percent <= 100
      else { return nil }
      return (.quantile(percent / 100), factor)
    }
  }

  func check(_ result: PressResult) -> Check {
    let found: Double
    let unit: String
    switch self.metric {
    case .quantile(let fraction): (found, unit) = (result.quantile(fraction), " ms")
    case .mean: (found, unit) = (result.mean, " ms")
    case .max: (found, unit) = (result.max, " ms")
    case .errors: (found, unit) = (Double(result.errors), "")
    case .errorPercent: (found, unit) = (result.errorShare * 100, " %")
    case .dropped: (found, unit) = (Double(result.dropped), "")
    case .droppedPercent: (found, unit) = (result.droppedShare * 100, " %")
    case .rate: (found, unit) = (result.perSecond, "/s")
    case .messages: (found, unit) = (result.messagesPerSecond, "/s")
    }
    let holds =
      switch self.comparison {
      case "<": found < self.bound
      case "<=": found <= self.bound
      case ">": found > self.bound
      default: found >= self.bound
      }
    let text =
      unit == " ms" ? PressResult.milliseconds(found) : PressResult.number(found)
    return Check(threshold: self, holds: holds, found: text + unit)
  }
}
