import HTTPTypes
import NIOCore
import Synchronization

/// Where a server refuses the requests for which there is no room: what its connections share.
final class FrontDoor: Sendable {
  /// A request that is refused.
  struct Refusal {
    fileprivate let method: String
    fileprivate(set) var path: String
    fileprivate let match: RouteTable.Match
    fileprivate let problem: HTTPProblem
    fileprivate let start: ContinuousClock.Instant
  }

  private struct Key: Hashable {
    let route: Int
    let verb: HTTPVerb

    func hash(into hasher: inout Hasher) {
      hasher.combine(self.route)
    }
  }

  private struct Known {
    let problem: HTTPProblem
    let text: RefusalText
  }

  let limits: RESTServerConfiguration
  private let routes: RouteTable
  private let admission: any RequestAdmission
  private let metrics: HTTPServerMetrics?
  private let layout: ResponseLayout
  /// Requests that were let by, are read, and are not answered.
  private let running = Atomic(0)
  /// By route and verb: the last refusal, which mostly is the next one, too.
  private let known = Mutex<[Key: Known]>([:])

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

  /// So many more requests are read and not answered.
  func addRunning(_ count: Int) {
    self.running.wrappingAdd(count, ordering: .relaxed)
  }

  func isFull(for verb: HTTPVerb) -> Bool {
    self.admission.isFull(for: verb, running: self.running.load(ordering: .relaxed))
  }

  /// For a request for which there was no room just now, see ``isFull(for:)``.
  ///
  /// - Returns: nil when somebody further in shall see the request: also when no route wants it.
  func refusal(of verb: HTTPVerb, _ method: String, _ path: String) -> Refusal? {
    let start = ContinuousClock.now
    guard case .match(let match)? = try? self.routes.answer(method, path), !match.isExempt,
      let problem = self.admission.refuseIfFull(
        verb, running: self.running.load(ordering: .relaxed))
    else { return nil }
    return Refusal(method: method, path: path, match: match, problem: problem, start: start)
  }

  /// The refusal, with all its headers.
  func answer(_ refusal: Refusal, _ id: String) -> (head: HTTPResponse, body: ByteBuffer?) {
    var (head, body) = self.layout.response(
      refusal.match.refusal?(refusal.problem)
        ?? self.layout.answer(refusal.problem, instance: refusal.path, id))
    head.headerFields[.requestID] = id
    head.headerFields[.contentLength] = String(body?.readableBytes ?? 0)
    return (head, body)
  }

  /// The same in bytes.
  func text(of refusal: Refusal) -> RefusalText {
    let key = Key(route: refusal.match.route, verb: refusal.match.verb)
    if let known = self.known.withLock({ $0[key] }), known.problem == refusal.problem {
      return known.text
    }
    let text = RefusalText { path, id in
      var refusal = refusal
      refusal.path = path
      return self.answer(refusal, id)
    }
    self.known.withLock { $0[key] = Known(problem: refusal.problem, text: text) }
    return text
  }

  /// Counts a refusal that is told.
  func told(_ refusal: Refusal, status: Int) {
    self.metrics?.refused(
      refusal.method, route: .init(refusal.match), status: status, since: refusal.start)
  }
}
