import FramedRPC
import NIOCore

/// Begins calls at a fixed rate, whatever becomes of those before: an open model, as users are.
///
/// The latency of a call counts from when it *should* have begun, as wrk2 does it: a generator or a
/// server that stands still for a second then shows in a second's worth of latencies, not in one
/// (coordinated omission). Touched only on its loop.
final class OpenLoad: @unchecked Sendable {
  struct Plan: Sendable {
    /// Calls a second.
    let rate: Double
    let duration: Duration
    /// Calls that would be the next one are left out, and counted as dropped.
    let maxInFlight: Int
    /// What the calls are.
    var kind = RPCKind.unary

    var calls: Int { Int((self.rate * self.duration.inSeconds).rounded()) }

    func offset(of call: Int) -> TimeAmount {
      .nanoseconds(Int64(Double(call) * 1e9 / self.rate))
    }
  }

  /// How a call ended.
  struct Outcome: Sendable {
    let status: RPCStatus
    /// Messages of a stream; not counted for unary calls.
    var sent = 0
    var received = 0
  }

  /// Begins the call of a number and says, on the loop, how it ended.
  typealias Call = (_ number: Int, _ ended: @escaping @Sendable (Outcome) -> Void) -> Void

  private let loop: any EventLoop
  private let plan: Plan
  private let call: Call
  private let over: EventLoopPromise<Void>
  private var began: NIODeadline
  private var next = 0
  private(set) var inFlight = 0
  private var result: PressResult

  init(loop: any EventLoop, plan: Plan, call: @escaping Call) {
    self.loop = loop
    self.began = loop.now
    self.plan = plan
    self.call = call
    self.over = loop.makePromise()
    self.result = PressResult(plan: plan)
  }

  /// Of what has ended so far.
  var current: PressResult {
    var result = self.result
    result.elapsed = .nanoseconds((self.loop.now - self.began).nanoseconds)
    return result
  }

  /// Begins the first call now. The future succeeds when the last has ended.
  func start() -> EventLoopFuture<Void> {
    self.loop.assertInEventLoop()
    self.began = self.loop.now
    self.tick()
    return self.over.futureResult
  }

  private func tick() {
    while self.next < self.plan.calls {
      let due = self.began + self.plan.offset(of: self.next)
      guard due <= self.loop.now else {
        self.loop.scheduleTask(deadline: due) { self.tick() }
        return
      }
      self.begin(self.next, due: due)
      self.next += 1
    }
    self.endIfOver()
  }

  private func begin(_ number: Int, due: NIODeadline) {
    guard self.inFlight < self.plan.maxInFlight else {
      self.result.dropped += 1
      return
    }
    self.inFlight += 1
    self.call(number) { outcome in
      self.loop.assertInEventLoop()
      self.inFlight -= 1
      self.result.record(outcome, latency: self.loop.now - due)
      self.endIfOver()
    }
  }

  private func endIfOver() {
    guard self.next >= self.plan.calls, self.inFlight == 0, !self.result.isOver else { return }
    self.result = self.current
    self.result.isOver = true
    self.over.succeed()
  }

  /// Once it is over.
  var final: PressResult { self.result }
}
