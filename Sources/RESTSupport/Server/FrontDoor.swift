internal import CoreMetrics
import HTTPTypes
import NIOCore
import Synchronization

/// Where a server refuses the requests for which there is no room: what its connections share.
final class FrontDoor: Sendable {
  /// Why and how a request for a path is refused.
  final class Refusal: Sendable {
    fileprivate let method: String
    fileprivate let path: String
    fileprivate let match: RouteTable.Match
    fileprivate let problem: HTTPProblem
    fileprivate let text: RefusalText
    /// nil: nothing is counted.
    fileprivate let durations: Recorder?

    fileprivate init(
      _ method: String, _ path: String, _ match: RouteTable.Match, _ problem: HTTPProblem,
      _ text: RefusalText, _ durations: Recorder?
    ) {
      self.method = method
      self.path = path
      self.match = match
      self.problem = problem
      self.text = text
      self.durations = durations
    }

    /// All of it in bytes.
    func write(_ requestID: String, to buffer: inout ByteBuffer) {
      self.text.write(path: self.path, requestID: requestID, to: &buffer)
    }

    /// - Parameter start: when the request was looked at.
    func count(since start: ContinuousClock.Instant) {
      self.durations?.record((ContinuousClock.now - start) / .seconds(1))
    }
  }

  private struct Key: Hashable {
    let route: Int
    let method: String

    func hash(into hasher: inout Hasher) {
      hasher.combine(self.route)
    }
  }

  let limits: RESTServerConfiguration
  private let routes: RouteTable
  private let admission: any RequestAdmission
  private let metrics: HTTPServerMetrics?
  private let layout: ResponseLayout
  /// Requests that were let by, are read, and are not answered.
  private let running = Atomic(0)
  /// The last refusals: the next ones mostly differ in the path only.
  private let known = Mutex<[Key: Refusal]>([:])
  private let rests = Mutex<[ObjectIdentifier: LoopRest]>([:])

  /// - Parameter metrics: counts those who are refused; nil: nothing does.
  init(
    routes: RouteTable, admission: any RequestAdmission, metrics: HTTPServerMetrics?,
    limits: RESTServerConfiguration
  ) {
    self.limits = limits
    self.routes = routes
    self.admission = admission
    self.metrics = metrics
    self.layout = ResponseLayout(style: limits.style)
  }

  /// What the connections of an event loop share.
  func rest(of loop: any EventLoop) -> LoopRest {
    self.rests.withLock { rests in
      let id = ObjectIdentifier(loop)
      if let known = rests[id] { return known }
      let rest = LoopRest(loop, self.limits.refusalRest)
      rests[id] = rest
      return rest
    }
  }

  /// So many more requests are read and not answered.
  func addRunning(_ count: Int) {
    self.running.wrappingAdd(count, ordering: .relaxed)
  }

  /// - Parameters:
  ///   - method: one that is served as `verb`.
  ///   - last: of the same connection, whose requests mostly are alike.
  /// - Returns: nil when somebody further in shall see the request: because there is room, or no
  ///   route wants it.
  func refusal(
    of method: String, _ verb: HTTPVerb, _ path: String, last: Refusal?
  ) -> Refusal? {
    let running = self.running.load(ordering: .relaxed)
    if let last, last.method == method, last.path == path {
      guard let problem = self.admission.refuseIfFull(verb, running: running) else { return nil }
      return problem == last.problem ? last : self.refusal(method, path, last.match, problem)
    }
    // Where there is room, that is all that a request has to pay here.
    guard self.admission.isFull(for: verb, running: running),
      case .match(let match)? = try? self.routes.answer(method, path), !match.isExempt,
      let problem = self.admission.refuseIfFull(verb, running: running)
    else { return nil }
    return self.refusal(method, path, match, problem)
  }

  private func refusal(
    _ method: String, _ path: String, _ match: RouteTable.Match, _ problem: HTTPProblem
  ) -> Refusal {
    let key = Key(route: match.route, method: method)
    let known = self.known.withLock { $0[key] }
    if let known, known.problem == problem {
      return Refusal(method, path, match, problem, known.text, known.durations)
    }
    let text = RefusalText { self.answer(match, problem, path: $0, $1) }
    let refusal = Refusal(
      method, path, match, problem, text,
      self.metrics?.durations(method, route: .init(match), status: text.status))
    self.known.withLock { $0[key] = refusal }
    return refusal
  }

  /// The refusal with all its headers.
  func answer(_ refusal: Refusal, _ requestID: String) -> (head: HTTPResponse, body: ByteBuffer?) {
    self.answer(refusal.match, refusal.problem, path: refusal.path, requestID)
  }

  private func answer(
    _ match: RouteTable.Match, _ problem: HTTPProblem, path: String, _ requestID: String
  ) -> (head: HTTPResponse, body: ByteBuffer?) {
    var (head, body) = self.layout.response(
      match.refusal?(problem) ?? self.layout.answer(problem, instance: path, requestID))
    head.headerFields[.requestID] = requestID
    head.headerFields[.contentLength] = String(body?.readableBytes ?? 0)
    return (head, body)
  }
}
