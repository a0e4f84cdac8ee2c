import FramedRPC
import NIOCore
import RESTSupport

/// Which requests a REST port takes in: FramedRPC's admission, with the same limit that follows the
/// latency, and at the gateway a token bucket for each caller.
struct RESTAdmission: RequestAdmission {
  /// What a page may take to answer; who waits for longer has left (`reliability.md` §4, edge).
  static let timeToAnswer = TimeAmount.seconds(3)

  private let admission: Admission?
  private let rate: RateLimiter?
  private let now: @Sendable () -> NIODeadline

  /// - Parameters:
  ///   - policy: nil: as many as come.
  ///   - routes: how many there are.
  ///   - now: the clock, so that a test can move it.
  init(
    _ policy: AdmissionPolicy?, routes: Int, rate: RateLimiter?,
    now: @escaping @Sendable () -> NIODeadline = { .now() }
  ) {
    self.admission = policy.map { Admission(policy: $0, methods: routes, now: now()) }
    self.rate = rate
    self.now = now
  }

  /// nil when as many run as come.
  var statistics: (@Sendable () -> AdmissionStatistics)? {
    guard let admission = self.admission else { return nil }
    return { admission.statistics }
  }

  func isFull(for verb: HTTPVerb, running: Int) -> Bool {
    self.admission?.isFull(Self.priority(of: verb), known: running) ?? false
  }

  func refuseIfFull(_ verb: HTTPVerb, running: Int) -> HTTPProblem? {
    self.admission?.refuseIfFull(Self.priority(of: verb), known: running)
      .map { Self.overloaded($0) }
  }

  func arrive(_ arrival: RESTArrival) throws {
    // Nobody has a name yet; who has none that is known shares with the others.
    if let wait = self.rate?.take(arrival.address ?? "unknown") {
      throw HTTPProblem.tooManyRequests(retryAfterSeconds: Self.seconds(wait))
    }
    if let problem = self.refuseIfFull(arrival.verb, running: 0) { throw problem }
  }

  func enter(_ arrival: RESTArrival, on loop: any EventLoop) async throws -> RESTPlace {
    guard let admission = self.admission else {
      return RESTPlace(route: arrival.route, began: self.now())
    }
    let priority = Self.priority(of: arrival.verb)
    let now = self.now()
    let refusal = await withCheckedContinuation {
      (continuation: CheckedContinuation<AdmissionRefusal?, Never>) in
      let entry = admission.arrive(
        priority, method: arrival.route, deadline: now + Self.timeToAnswer, now: now
      ) { { continuation.resume(returning: $0) } }
      switch entry {
      case .admitted: continuation.resume(returning: nil)
      case .refused(let refusal): continuation.resume(returning: refusal)
      case .queued(let ticket):
        loop.scheduleTask(deadline: ticket.until) {
          guard admission.giveUp(ticket, .queueTime) else { return }
          continuation.resume(
            returning: AdmissionRefusal(
              reason: .queueTime, retryAfter: admission.retryAfter(priority)))
        }
      }
    }
    if let refusal { throw Self.overloaded(refusal.retryAfter) }
    return RESTPlace(route: arrival.route, began: self.now())
  }

  func leave(_ place: RESTPlace, isMeasured: Bool) {
    self.admission?.leave(
      Admission.Place(method: place.route, began: place.began, isMeasured: isMeasured),
      isMeasured: isMeasured, now: self.now())
  }

  /// Who enrolls, pays or cancels goes before who looks: somebody waits for each of them, and a page
  /// can be looked at a second later.
  private static func priority(of verb: HTTPVerb) -> RPCPriority {
    verb == .get ? .default : .critical
  }

  private static func overloaded(_ wait: TimeAmount?) -> HTTPProblem {
    .overloaded(
      "more requests are here than can be answered in time",
      retryAfterSeconds: self.seconds(.nanoseconds(wait?.nanoseconds ?? 0)))
  }

  /// Whole seconds, as HTTP has them, and one at least.
  private static func seconds(_ wait: Duration) -> Int {
    max(1, Int((wait / .seconds(1)).rounded(.up)))
  }
}
