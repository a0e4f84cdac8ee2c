package import NIOCore
import Synchronization

/// The admission of one server, for all its connections: ``AdmissionState`` behind a lock.
package final class Admission: Sendable {
  /// How a call that waits is told; called on any thread, without the lock.
  package typealias Waiter = @Sendable (AdmissionRefusal?) -> Void
  package typealias Ticket = AdmissionState<Waiter>.Ticket

  /// What a call holds while it runs.
  package struct Place: Sendable {
    /// The slot of its method.
    let method: Int
    let began: NIODeadline
    /// Whether how long it takes says something about the load.
    let isMeasured: Bool

    package init(method: Int, began: NIODeadline, isMeasured: Bool) {
      self.method = method
      self.began = began
      self.isMeasured = isMeasured
    }
  }

  private let state: Mutex<AdmissionState<Waiter>>

  /// - Parameter methods: how many the server has.
  package init(policy: AdmissionPolicy, methods: Int, now: NIODeadline = .now()) {
    self.state = Mutex(AdmissionState(policy: policy, methods: methods, now: now))
  }

  package var statistics: AdmissionStatistics { self.state.withLock { $0.statistics } }

  package enum Arrival: Sendable {
    case admitted
    case queued(Ticket)
    case refused(AdmissionRefusal)
  }

  package func arrive(
    _ priority: RPCPriority, method: Int, deadline: NIODeadline?, now: NIODeadline,
    waiter: () -> Waiter
  ) -> Arrival {
    let arrival = self.state.withLock {
      $0.arrive(priority, method: method, deadline: deadline, now: now, waiter: waiter)
    }
    switch arrival {
    case .admitted: return .admitted
    case .refused(let refusal): return .refused(refusal)
    case .queued(let ticket, let evicted):
      if let evicted { evicted.waiter(evicted.refusal) }
      return .queued(ticket)
    }
  }

  /// Whether a call would be refused now because too many wait: for who must read more of it before
  /// it can ``arrive(_:method:deadline:now:waiter:)``.
  ///
  /// - Parameter known: calls that the caller knows of, those that have arrived among them.
  /// - Returns: nil when it would not; else when it is worth while to come again.
  package func refuseIfFull(_ priority: RPCPriority, known: Int = 0) -> TimeAmount? {
    self.state.withLock { $0.refuseIfFull(priority, known: known) }
  }

  /// The same question, asked without consequences.
  package func isFull(_ priority: RPCPriority, known: Int = 0) -> Bool {
    self.state.withLock { $0.isFull(priority, known: known) }
  }

  /// - Parameter isMeasured: whether the call ran to its end.
  package func leave(_ place: Place, isMeasured: Bool, now: NIODeadline) {
    let began = place.isMeasured && isMeasured ? place.began : nil
    let decisions = self.state.withLock {
      $0.leave(method: place.method, began: began, now: now)
    }
    for decision in decisions {
      decision.waiter(decision.refusal)
    }
  }

  /// - Returns: whether the call still waited; if not, its waiter is told.
  package func giveUp(_ ticket: Ticket, _ reason: AdmissionRefusal.Reason?) -> Bool {
    self.state.withLock { $0.giveUp(ticket, reason) }
  }

  package func retryAfter(_ priority: RPCPriority) -> TimeAmount {
    self.state.withLock { $0.retryAfter(priority) }
  }
}
