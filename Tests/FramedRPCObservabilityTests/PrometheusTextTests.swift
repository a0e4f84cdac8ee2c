import CoreMetrics
import PrometheusText
import Testing

@Suite("Metrics as Prometheus's text")
struct PrometheusTextTests {
  @Test("counters, gauges and histograms, by name and labels")
  func everything() {
    let registry = PrometheusRegistry([
      MetricDescription("app.requests", help: "Requests that were answered."),
      MetricDescription(
        "app.size", help: "How large they are.", unit: "bytes", buckets: [10, 20.5]),
    ])
    let size = Recorder(
      label: "app.size", dimensions: [("kind", "b")], aggregate: true, factory: registry)
    for value in [10, 11, 20.5, 21, 1e9] { size.record(value) }
    Counter(label: "app.requests", dimensions: [("to", "x")], factory: registry).increment(by: 2)
    Counter(label: "app.requests", dimensions: [("to", "x")], factory: registry).increment()
    Counter(label: "app.requests", factory: registry).increment(by: 7)
    FloatingPointCounter(label: "app.joules", factory: registry).increment(by: 0.5)
    let active = Meter(label: "app.active", factory: registry)
    active.increment(by: 3)
    active.decrement()
    Recorder(label: "app.level", aggregate: false, factory: registry).record(-2.5)
    #expect(
      registry.rendered() == """
        # HELP app_active app.active
        # TYPE app_active gauge
        app_active 2
        # HELP app_joules_total app.joules
        # TYPE app_joules_total counter
        app_joules_total 0.5
        # HELP app_level app.level
        # TYPE app_level gauge
        app_level -2.5
        # HELP app_requests_total Requests that were answered.
        # TYPE app_requests_total counter
        app_requests_total 7
        app_requests_total{to="x"} 3
        # HELP app_size_bytes How large they are.
        # TYPE app_size_bytes histogram
        app_size_bytes_bucket{kind="b",le="10"} 1
        app_size_bytes_bucket{kind="b",le="20.5"} 3
        app_size_bytes_bucket{kind="b",le="+Inf"} 5
        app_size_bytes_sum{kind="b"} 1000000062.5
        app_size_bytes_count{kind="b"} 5

        """)
  }

  @Test("a timer is a histogram in seconds")
  func timer() {
    let registry = PrometheusRegistry()
    CoreMetrics.Timer(label: "app.work", factory: registry).recordMilliseconds(3)
    let text = registry.rendered()
    #expect(text.contains("# TYPE app_work_seconds histogram"))
    #expect(text.contains("app_work_seconds_bucket{le=\"0.0025\"} 0\n"))
    #expect(text.contains("app_work_seconds_bucket{le=\"0.005\"} 1\n"))
    #expect(text.contains("app_work_seconds_bucket{le=\"+Inf\"} 1\n"))
    #expect(text.contains("app_work_seconds_sum 0.003\n"))
  }

  @Test(
    "names are Prometheus's",
    arguments: [
      ("a.b", "a_b_total"), ("a_total", "a_total"), ("9a", "_9a_total"), ("é", "___total"),
      ("", "__total"), ("a:b", "a_b_total"),
    ])
  func names(label: String, name: String) {
    let registry = PrometheusRegistry()
    Counter(label: label, factory: registry).increment()
    #expect(registry.rendered().hasSuffix("\n\(name) 1\n"))
  }

  @Test("whatever a label says stays within its quotes")
  func escapes() {
    let registry = PrometheusRegistry([MetricDescription("a", help: "one\\two\nthree \"four\"")])
    Counter(label: "a", dimensions: [("path", "c:\\x\"y\nz"), ("none", "")], factory: registry)
      .increment()
    #expect(
      registry.rendered() == #"""
        # HELP a_total one\\two\nthree "four"
        # TYPE a_total counter
        a_total{path="c:\\x\"y\nz"} 1

        """#)
  }

  @Test("numbers that are none are written as Prometheus reads them, and do not spoil a sum")
  func numbers() {
    let registry = PrometheusRegistry()
    Recorder(label: "up", aggregate: false, factory: registry).record(Double.infinity)
    Recorder(label: "down", aggregate: false, factory: registry).record(-Double.infinity)
    Recorder(label: "none", aggregate: false, factory: registry).record(Double.nan)
    let sum = Recorder(label: "sum", aggregate: true, factory: registry)
    sum.record(Double.nan)
    sum.record(2)
    let text = registry.rendered()
    #expect(text.contains("\nup +Inf\n"))
    #expect(text.contains("\ndown -Inf\n"))
    #expect(text.contains("\nnone NaN\n"))
    #expect(text.contains("\nsum_sum 2\nsum_count 1\n"))
  }

  @Test("a name has one type: who comes second under it counts for nobody")
  func kinds() {
    let registry = PrometheusRegistry()
    Meter(label: "a.total", factory: registry).set(4)
    Counter(label: "a", factory: registry).increment(by: 9)
    #expect(registry.rendered() == "# HELP a_total a.total\n# TYPE a_total gauge\na_total 4\n")
  }

  @Test("too many combinations of labels are counted together")
  func overflow() {
    let registry = PrometheusRegistry()
    for number in 0..<PrometheusRegistry.maxSeries + 5 {
      Counter(label: "a", dimensions: [("n", "\(number)")], factory: registry).increment()
    }
    let text = registry.rendered()
    #expect(text.contains("\na_total{otel_metric_overflow=\"true\"} 5\n"))
    #expect(text.split(separator: "\n").count == PrometheusRegistry.maxSeries + 3)
  }

  @Test("a counter never falls, and survives the handle that counts")
  func counter() {
    let registry = PrometheusRegistry()
    let counter = Counter(label: "a", factory: registry)
    counter.increment(by: 3)
    counter.increment(by: -2)
    counter.destroy()
    Counter(label: "a", factory: registry).increment()
    #expect(registry.rendered().hasSuffix("\na_total 4\n"))
  }
}
