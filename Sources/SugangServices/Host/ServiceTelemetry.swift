import CoreMetrics
import FramedRPC
import FramedRPCObservability
import Logging
import PrometheusText
import RESTSupport

/// What one service tells of its calls: metrics of its own, also where several services share a
/// process, traces, and lines in the log.
struct ServiceTelemetry: Sendable {
  /// A call that comes without a deadline ends after this; nobody waits for an answer that long.
  static let standardTime = Duration.seconds(30)
  /// No call takes longer, whatever its deadline.
  static let longestTime = Duration.seconds(300)
  /// What a handler needs to answer after it gave up waiting for another service.
  static let hopMargin = Duration.milliseconds(5)

  static let deadlines = Guards.Deadlines(
    standard: Self.standardTime, longest: Self.longestTime, hopMargin: Self.hopMargin)

  private let registry = PrometheusRegistry(Self.descriptions + GuardMetrics.descriptions)
  private let metrics: MetricsInterceptor
  private let guardMetrics: GuardMetrics
  /// Of the REST port.
  let http: HTTPServerMetrics

  init(service: ServiceName) {
    self.metrics = MetricsInterceptor(factory: self.registry)
    self.guardMetrics = GuardMetrics(factory: self.registry)
    self.http = HTTPServerMetrics(factory: self.registry)
    Gauge(
      label: "target.info", dimensions: [("service.name", service.rawValue)],
      factory: self.registry
    ).record(1)
  }

  /// For `GET /metrics`: what has been counted, and what the guards are at now.
  func prometheusText(_ guards: Guards) -> String {
    self.guardMetrics.record(guards)
    return self.registry.rendered()
  }

  /// Around every method, the outermost first.
  ///
  /// - Parameter token: what calls must bring; nil lets everybody in.
  func server(token: String?, logger: Logger) -> [any ServerInterceptor] {
    var interceptors: [any ServerInterceptor] = [TracingInterceptor()]
    if logger.logLevel <= .debug {
      interceptors.append(LoggingInterceptor(logger) { _ in .debug })
    }
    interceptors.append(self.metrics)
    if let token {
      interceptors.append(BearerAuthentication(tokens: [token: RPCPrincipal(name: "sugang")]))
    }
    interceptors.append(
      ServerDeadline(
        standard: Self.standardTime, longest: Self.longestTime, hopMargin: Self.hopMargin))
    return interceptors
  }

  /// Around every call to another service.
  var client: [any ClientInterceptor] { [TracingInterceptor(), self.metrics] }

  /// Around the fetches of events, which belong to no trace: each event has its own.
  var feed: [any ClientInterceptor] { [self.metrics] }

  private static let descriptions =
    [
      MetricDescription("target.info", help: "The service that these metrics are of."),
      MetricDescription(
        "http.server.request.duration", help: "How long HTTP requests took, to the answer's head.",
        unit: "seconds"),
      MetricDescription("http.server.active_requests", help: "HTTP requests in flight."),
    ]
    + [("server", "answered"), ("client", "made")].flatMap { side, did in
      [
        MetricDescription(
          "rpc.\(side).call.duration", help: "How long the RPC calls took that were \(did) here.",
          unit: "seconds"),
        MetricDescription(
          "rpc.\(side).request.size",
          help: "Bytes of the requests of RPC calls that were \(did) here.", unit: "bytes",
          buckets: MetricDescription.sizeBuckets),
        MetricDescription(
          "rpc.\(side).response.size",
          help: "Bytes of the answers to RPC calls that were \(did) here.", unit: "bytes",
          buckets: MetricDescription.sizeBuckets),
        MetricDescription(
          "rpc.\(side).active_calls", help: "RPC calls in flight that are \(did) here."),
      ]
    }
}
