/// The words of exposition format 0.0.4.
enum ExpositionText {
  static func help(_ text: String) -> String {
    text.replacing("\\", with: "\\\\").replacing("\n", with: "\\n")
  }

  static func labelValue(_ text: String) -> String {
    Self.help(text).replacing("\"", with: "\\\"")
  }

  /// `3`, `0.25`, `+Inf`, `-Inf` or `NaN`.
  static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
    return Int64(exactly: value).map { "\($0)" } ?? "\(value)"
  }
}

/// Names and values, by name.
struct Labels: Hashable, Sendable, Comparable {
  static let overflow = Labels([("otel.metric.overflow", "true")])

  private let names: [String]
  private let values: [String]

  /// - Parameter dimensions: as swift-metrics has them; the first of one name counts, and one
  ///   without a value is as good as none.
  init(_ dimensions: [(String, String)]) {
    let labels = Dictionary(
      dimensions.filter { !$0.1.isEmpty }.map { (MetricDescription.name($0.0), $0.1) },
      uniquingKeysWith: { first, _ in first }
    ).sorted { $0.key < $1.key }
    self.names = labels.map(\.key)
    self.values = labels.map(\.value)
  }

  static func < (left: Labels, right: Labels) -> Bool {
    left.names == right.names
      ? left.values.lexicographicallyPrecedes(right.values)
      : left.names.lexicographicallyPrecedes(right.names)
  }

  /// `{a="1",b="2"}`, or nothing.
  func text(adding last: (name: String, value: String)? = nil) -> String {
    var labels = zip(self.names, self.values).map {
      "\($0)=\"\(ExpositionText.labelValue($1))\""
    }
    if let last {
      labels.append("\(last.name)=\"\(ExpositionText.labelValue(last.value))\"")
    }
    return labels.isEmpty ? "" : "{\(labels.joined(separator: ","))}"
  }
}
