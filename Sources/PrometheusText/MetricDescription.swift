/// What a metric is called and means in Prometheus, for a label of swift-metrics.
public struct MetricDescription: Hashable, Sendable {
  /// The name that the code gives the metric: `rpc.server.call.duration`.
  public let label: String
  /// One sentence.
  public let help: String
  /// Prometheus's base unit, the end of the name: `seconds`, `bytes`; nil for none.
  public let unit: String?
  /// Upper limits of a histogram's buckets, rising; the one that has no limit is added.
  public let buckets: [Double]

  /// For durations in seconds: those of OpenTelemetry's semantic conventions, and three finer ones,
  /// since a call within one machine takes less than 5 ms.
  public static let durationBuckets: [Double] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5,
    10,
  ]
  /// For sizes in bytes: powers of four from 64 to 4 MiB.
  public static let sizeBuckets: [Double] = [
    64, 256, 1024, 4096, 16384, 65536, 262_144, 1_048_576, 4_194_304,
  ]

  public init(
    _ label: String, help: String, unit: String? = nil,
    buckets: [Double] = MetricDescription.durationBuckets
  ) {
    self.label = label
    self.help = help
    self.unit = unit
    self.buckets = buckets
  }

  /// The name in Prometheus: `.` and the like become `_`, the unit and, for counters, `total` stand
  /// at the end.
  func name(isCounter: Bool) -> String {
    var name = Self.name(self.label)
    for ending in [self.unit, isCounter ? "total" : nil] {
      if let ending, !name.hasSuffix("_\(ending)") { name += "_\(ending)" }
    }
    return name
  }

  /// `[a-zA-Z_][a-zA-Z0-9_]*`
  static func name(_ label: String) -> String {
    // A digit cannot come first.
    var name = label.utf8.first.map { (0x30...0x39).contains($0) } ?? true ? "_" : ""
    for byte in label.utf8 {
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A:
        name.unicodeScalars.append(Unicode.Scalar(byte))
      default: name.append("_")
      }
    }
    return name
  }
}
