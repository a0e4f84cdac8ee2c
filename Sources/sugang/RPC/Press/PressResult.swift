import FramedRPC
import JSON
import NIOCore

/// What a load has come to.
struct PressResult: Sendable {
  let plan: OpenLoad.Plan
  var elapsed = Duration.zero
  var dropped = 0
  var isOver = false
  private(set) var statuses: [RPCStatus: Int] = [:]
  /// Messages of the streams that have ended, well or not.
  private(set) var sent = 0
  private(set) var received = 0
  /// In nanoseconds; at most 0.8 % above the truth.
  private var latency = LogLinearHistogram(precisionBits: 7, largest: 3_600_000_000_000)

  init(plan: OpenLoad.Plan) {
    self.plan = plan
  }

  mutating func record(_ outcome: OpenLoad.Outcome, latency: TimeAmount) {
    self.statuses[outcome.status, default: 0] += 1
    self.sent += outcome.sent
    self.received += outcome.received
    self.latency.record(UInt64(clamping: latency.nanoseconds))
  }

  /// Calls that have ended, well or not.
  var calls: Int { self.statuses.values.reduce(0, +) }
  var errors: Int { self.calls - self.statuses[.ok, default: 0] }
  /// Of the calls that have ended.
  var errorShare: Double { self.calls == 0 ? 0 : Double(self.errors) / Double(self.calls) }
  /// Of the calls that were due.
  var droppedShare: Double {
    self.dropped == 0 ? 0 : Double(self.dropped) / Double(self.calls + self.dropped)
  }
  var perSecond: Double { self.rate(self.calls) }
  /// Messages a second, both ways together.
  var messagesPerSecond: Double { self.rate(self.sent + self.received) }

  private func rate(_ count: Int) -> Double {
    self.elapsed > .zero ? Double(count) / self.elapsed.inSeconds : 0
  }

  private var isOfStreams: Bool { self.plan.kind != .unary }

  /// In milliseconds.
  func quantile(_ fraction: Double) -> Double { Double(self.latency.quantile(fraction)) / 1e6 }
  var mean: Double { self.latency.mean / 1e6 }
  var max: Double { Double(self.latency.max) / 1e6 }

  static let percentiles = [50.0, 90, 99, 99.9, 99.99]

  // MARK: for people

  func text(_ checks: [PressThreshold.Check]) -> String {
    let calls = self.isOfStreams ? "streams" : "calls"
    var lines = [
      "planned    \(self.plan.calls) \(calls), \(Self.number(self.plan.rate))/s",
      "ended      \(self.calls) \(calls), \(Self.number(self.perSecond))/s",
      "dropped    \(self.dropped) (due while \(self.plan.maxInFlight) were in flight)",
      "errors     \(self.errors) (\(Self.number(self.errorShare * 100)) %)",
    ]
    lines += self.errorCounts.map { "  \($0.status.name) \($0.count)" }
    if self.isOfStreams {
      lines.append("sent       \(self.sent) messages, \(Self.number(self.rate(self.sent)))/s")
      lines.append(
        "received   \(self.received) messages, \(Self.number(self.rate(self.received)))/s")
    }
    lines.append(
      "latency    from the intended start\(self.isOfStreams ? " to the end" : ""), in ms")
    var table = TextTable(("", .left), ("", .right))
    for (name, value) in self.latencies {
      table.add("  \(name)", Self.milliseconds(value))
    }
    lines += table.text.split(separator: "\n").map(String.init)
    if !checks.isEmpty {
      lines.append("thresholds")
      lines += checks.map { "  \($0.holds ? "✓" : "✗") \($0.threshold.text) (\($0.found))" }
    }
    return lines.joined(separator: "\n")
  }

  /// One line while it runs.
  var progress: String {
    "\(Self.number(self.elapsed.inSeconds.rounded())) s: \(self.calls) calls, "
      + "\(Self.number(self.perSecond))/s, p99 \(Self.milliseconds(self.quantile(0.99))) ms, "
      + "\(self.errors) errors, \(self.dropped) dropped"
  }

  private var latencies: [(String, Double)] {
    [("mean", self.mean)]
      + Self.percentiles.map { ("p\(Self.number($0))", self.quantile($0 / 100)) }
      + [("max", self.max)]
  }

  private var errorCounts: [(status: RPCStatus, count: Int)] {
    self.statuses.filter { $0.key != .ok }.map { ($0.key, $0.value) }
      .sorted { $0.0.rawValue < $1.0.rawValue }
  }

  /// With two decimals at most.
  static func number(_ value: Double) -> String {
    let text = "\((value * 100).rounded() / 100)"
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }

  static func milliseconds(_ value: Double) -> String {
    let thousandths = Int((value * 1000).rounded())
    let rest = String(thousandths % 1000)
    return "\(thousandths / 1000).\(String(repeating: "0", count: 3 - rest.count))\(rest)"
  }

  // MARK: for machines

  func json(_ checks: [PressThreshold.Check]) -> JSONValue {
    var latency = JSONObject()
    for (name, value) in self.latencies {
      latency.append(name, .number(Self.milliseconds(value)))
    }
    var statuses = JSONObject()
    for (status, count) in self.statuses.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
      statuses.append(status.name, .integer(count))
    }
    return [
      "kind": .string(self.plan.kind.rawValue),
      "messages": [
        "sent": .integer(self.sent), "received": .integer(self.received),
        "perSecond": .number(Self.number(self.messagesPerSecond)),
      ],
      "planned": .integer(self.plan.calls), "rate": .number("\(self.plan.rate)"),
      "calls": .integer(self.calls), "seconds": .number("\(self.elapsed.inSeconds)"),
      "perSecond": .number(Self.number(self.perSecond)), "dropped": .integer(self.dropped),
      "errors": .integer(self.errors), "errorShare": .number("\(self.errorShare)"),
      "statuses": .object(statuses), "latencyMilliseconds": .object(latency),
      "thresholds": .array(
        checks.map {
          [
            "threshold": .string($0.threshold.text), "holds": .bool($0.holds),
            "found": .string($0.found),
          ]
        }),
    ]
  }
}
