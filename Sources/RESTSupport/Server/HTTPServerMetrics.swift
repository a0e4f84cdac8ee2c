package import CoreMetrics
import Synchronization

/// Counts and times requests under the names of OpenTelemetry's semantic conventions 1.45.
///
/// `http.server.request.duration` in seconds, with `http.request.method`, `http.route`,
/// `http.response.status_code`, `url.scheme` and, for 5xx and requests that broke off, `error.type`;
/// `http.server.active_requests` with method and scheme. A request that met no route has none, and
/// what is refused because its head is not right HTTP is not counted.
package final class HTTPServerMetrics: Sendable {
  /// Those that are told apart; the others count together: a client could make up any number.
  fileprivate enum Method: String {
    case get = "GET"
    case head = "HEAD"
    case post = "POST"
    case put = "PUT"
    case delete = "DELETE"
    case connect = "CONNECT"
    case options = "OPTIONS"
    case trace = "TRACE"
    case patch = "PATCH"
    case query = "QUERY"
    case other = "_OTHER"

    init(of method: String) { self = Self(rawValue: method) ?? .other }
  }

  /// A request whose connection was lost while its body came.
  private static let brokenOff = "connection_lost"

  /// Where a request went. Found by its number, since every request looks for it.
  struct Route: Hashable, Sendable {
    private let number: Int
    /// `/courses/{id}`
    fileprivate let pattern: String

    init(_ match: RouteTable.Match) {
      self.number = match.route
      self.pattern = match.pattern
    }

    func hash(into hasher: inout Hasher) {
      hasher.combine(self.number)
    }
  }

  private struct Outcome: Hashable {
    let method: Method
    let route: Route?
    /// nil: there was none.
    let status: Int?
  }

  private struct State {
    var active: [Method: Meter] = [:]
    var durations: [Outcome: Recorder] = [:]
  }

  private let factory: any MetricsFactory
  private let state = Mutex(State())

  package init(factory: any MetricsFactory = MetricsSystem.factory) {
    self.factory = factory
  }

  /// A request that has begun.
  struct Running: Sendable {
    fileprivate let method: Method
    fileprivate let start: ContinuousClock.Instant
  }

  func begin(_ method: String) -> Running {
    let method = Method(of: method)
    self.active(method).increment()
    return Running(method: method, start: .now)
  }

  /// - Parameters:
  ///   - route: nil when it met none.
  ///   - status: of the answer; nil when the connection was lost before there was one.
  func end(_ request: Running, route: Route?, status: Int?) {
    let duration = ContinuousClock.now - request.start
    self.active(request.method).decrement()
    self.record(duration, Outcome(method: request.method, route: route, status: status))
  }

  /// Of requests that are refused as soon as their heads have come. They were never in flight, and
  /// count as little as can be: under overload most requests end so.
  ///
  /// - Returns: what takes their durations, in seconds.
  func durations(_ method: String, route: Route, status: Int) -> Recorder {
    self.duration(Outcome(method: Method(of: method), route: route, status: status))
  }

  private func record(_ duration: Duration, _ outcome: Outcome) {
    self.duration(outcome).record(duration / .seconds(1))
  }

  private func active(_ method: Method) -> Meter {
    self.state.withLock { state in
      if let known = state.active[method] { return known }
      let meter = Meter(
        label: "http.server.active_requests",
        dimensions: [("http.request.method", method.rawValue), ("url.scheme", "http")],
        factory: self.factory)
      state.active[method] = meter
      return meter
    }
  }

  private func duration(_ outcome: Outcome) -> Recorder {
    self.state.withLock { state in
      if let known = state.durations[outcome] { return known }
      var dimensions = [
        ("http.request.method", outcome.method.rawValue), ("url.scheme", "http"),
      ]
      if let route = outcome.route { dimensions.append(("http.route", route.pattern)) }
      if let status = outcome.status {
        dimensions.append(("http.response.status_code", "\(status)"))
        if status >= 500 { dimensions.append(("error.type", "\(status)")) }
      } else {
        dimensions.append(("error.type", Self.brokenOff))
      }
      let recorder = Recorder(
        label: "http.server.request.duration", dimensions: dimensions, aggregate: true,
        factory: self.factory)
      state.durations[outcome] = recorder
      return recorder
    }
  }
}
