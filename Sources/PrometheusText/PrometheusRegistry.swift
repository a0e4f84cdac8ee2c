public import CoreMetrics
import Synchronization

/// Keeps metrics in this process and renders them for Prometheus.
///
/// Counters become counters; meters, gauges and recorders that do not aggregate become gauges;
/// recorders that aggregate become histograms, and timers histograms in seconds. A metric and its
/// labels, once made, stay until the process ends.
public final class PrometheusRegistry: MetricsFactory {
  /// Most combinations of label values of one metric; further ones are counted together, as
  /// `otel_metric_overflow="true"`.
  public static let maxSeries = 2_000

  private let descriptions: [String: MetricDescription]
  private let families = Mutex<[String: Family]>([:])

  private struct Family {
    let kind: Kind
    let help: String
    var series: [Labels: any Series] = [:]
  }

  /// - Parameter descriptions: of the metrics whose help, unit or buckets matter; others are called
  ///   by their labels.
  public init(_ descriptions: [MetricDescription] = []) {
    self.descriptions = Dictionary(
      descriptions.map { ($0.label, $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// Exposition format 0.0.4: families by name, in each the series by their labels.
  public func rendered() -> String {
    let families = self.families.withLock { $0 }
    var text = ""
    for (name, family) in families.sorted(by: { $0.key < $1.key }) {
      text += "# HELP \(name) \(ExpositionText.help(family.help))\n"
      text += "# TYPE \(name) \(family.kind.rawValue)\n"
      for (labels, series) in family.series.sorted(by: { $0.key < $1.key }) {
        series.render(name, labels, into: &text)
      }
    }
    return text
  }

  // MARK: MetricsFactory

  public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
    self.series(label, dimensions, .counter) { _ in Counter() }
  }

  public func makeFloatingPointCounter(
    label: String, dimensions: [(String, String)]
  ) -> any FloatingPointCounterHandler {
    self.series(label, dimensions, .counter) { _ in Counter() }
  }

  public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
    self.series(label, dimensions, .gauge) { _ in Gauge() }
  }

  public func makeRecorder(
    label: String, dimensions: [(String, String)], aggregate: Bool
  ) -> any RecorderHandler {
    aggregate
      ? self.series(label, dimensions, .histogram) { Histogram(limits: $0.buckets) }
      : self.series(label, dimensions, .gauge) { _ in Gauge() }
  }

  public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
    self.series(label, dimensions, .histogram, unit: "seconds") { Histogram(limits: $0.buckets) }
  }

  // A series that vanished would look like a counter that was reset.
  public func destroyCounter(_ handler: any CounterHandler) {}
  public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
  public func destroyMeter(_ handler: any MeterHandler) {}
  public func destroyRecorder(_ handler: any RecorderHandler) {}
  public func destroyTimer(_ handler: any TimerHandler) {}

  /// The series with these labels. One whose name belongs to a metric of another kind counts for
  /// nobody: a name has one type.
  private func series<Wanted: Series>(
    _ label: String, _ dimensions: [(String, String)], _ kind: Kind, unit: String? = nil,
    _ make: (MetricDescription) -> Wanted
  ) -> Wanted {
    let description =
      self.descriptions[label] ?? MetricDescription(label, help: label, unit: unit)
    let name = description.name(isCounter: kind == .counter)
    return self.families.withLock { families in
      var family = families[name] ?? Family(kind: kind, help: description.help)
      guard family.kind == kind else { return make(description) }
      var labels = Labels(dimensions)
      if family.series[labels] == nil, family.series.count >= Self.maxSeries {
        labels = .overflow
      }
      if let known = family.series[labels] as? Wanted { return known }
      let series = make(description)
      family.series[labels] = series
      families[name] = family
      return series
    }
  }
}
