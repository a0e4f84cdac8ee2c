import NIOCore
import RESTSupport
import Synchronization

/// Refuses where the test says so, and counts who is in.
final class Door: RequestAdmission {
  struct Seen: Sendable {
    var arrivals: [RESTArrival] = []
    var entered = 0
    var left: [Bool] = []
  }

  let seen = Mutex(Seen())
  private let atLook: HTTPProblem?
  private let atArrival: HTTPProblem?
  private let atEntry: HTTPProblem?

  init(
    atLook: HTTPProblem? = nil, atArrival: HTTPProblem? = nil, atEntry: HTTPProblem? = nil
  ) {
    self.atLook = atLook
    self.atArrival = atArrival
    self.atEntry = atEntry
  }

  func isFull(for verb: HTTPVerb, running: Int) -> Bool { self.atLook != nil }

  func refuseIfFull(_ verb: HTTPVerb, running: Int) -> HTTPProblem? { self.atLook }

  func arrive(_ arrival: RESTArrival) throws {
    self.seen.withLock { $0.arrivals.append(arrival) }
    if let problem = self.atArrival { throw problem }
  }

  func enter(_ arrival: RESTArrival, on loop: any EventLoop) async throws -> RESTPlace {
    if let problem = self.atEntry { throw problem }
    self.seen.withLock { $0.entered += 1 }
    return RESTPlace(route: arrival.route, began: .now())
  }

  func leave(_ place: RESTPlace, isMeasured: Bool) {
    self.seen.withLock { $0.left.append(isMeasured) }
  }
}
