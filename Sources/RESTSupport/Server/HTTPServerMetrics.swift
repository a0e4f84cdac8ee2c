package import CoreMetrics
import Synchronization

/// Counts and times requests under the names of OpenTelemetry's semantic conventions 1.45.
///
/// `http.server.request.duration` in seconds, with `http.request.method`, `http.route`,
/// `http.response.status_code`, `url.scheme` and, for 5xx and requests that broke off, `error.type`;
/// `http.server.active_requests` with method and scheme. A request that met no route has none, and
/// what is refused on the connection before it comes to a handler (a head that cannot be read, no
/// room for more) is not counted.
package final class HTTPServerMetrics: Sendable {
  /// Methods that are told apart; the others count as `_OTHER`: a client could make up any number.
  private static let knownMethods: Set<String> = [
    "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY",
  ]
  private static let otherMethod = "_OTHER"
  /// A request whose connection was lost while its body came.
  private static let brokenOff = "connection_lost"

  private struct Outcome: Hashable {
    let method: String
    let route: String?
    /// nil: there was none.
    let status: Int?
  }

  private struct State {
    var active: [String: Meter] = [:]
    var durations: [Outcome: Recorder] = [:]
  }

  private let factory: any MetricsFactory
  private let state = Mutex(State())

  package init(factory: any MetricsFactory = MetricsSystem.factory) {
    self.factory = factory
  }

  /// A request that has begun.
  struct Running: Sendable {
    fileprivate let method: String
    fileprivate let start: ContinuousClock.Instant
  }

  func begin(_ method: String) -> Running {
    let method = Self.knownMethods.contains(method) ? method : Self.otherMethod
    self.active(method).increment()
    return Running(method: method, start: .now)
  }

  /// - Parameters:
  ///   - route: its pattern, `/courses/{id}`; nil when it met none.
  ///   - status: of the answer; nil when the connection was lost before there was one.
  func end(_ request: Running, route: String?, status: Int?) {
    let duration = ContinuousClock.now - request.start
    self.active(request.method).decrement()
    self.duration(Outcome(method: request.method, route: route, status: status))
      .record(duration / .seconds(1))
  }

  private func active(_ method: String) -> Meter {
    self.state.withLock { state in
      if let known = state.active[method] { return known }
      let meter = Meter(
        label: "http.server.active_requests",
        dimensions: [("http.request.method", method), ("url.scheme", "http")],
        factory: self.factory)
      state.active[method] = meter
      return meter
    }
  }

  private func duration(_ outcome: Outcome) -> Recorder {
    self.state.withLock { state in
      if let known = state.durations[outcome] { return known }
      var dimensions = [("http.request.method", outcome.method), ("url.scheme", "http")]
      if let route = outcome.route { dimensions.append(("http.route", route)) }
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
