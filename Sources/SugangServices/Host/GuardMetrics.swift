import CoreMetrics
import FramedRPC
import PrometheusText
import Synchronization

/// The guards of a service as metrics: they are asked when somebody scrapes, and cost nothing else.
final class GuardMetrics: Sendable {
  private let factory: any MetricsFactory
  /// What the counters have come to, by name and labels: the guards count since the start, and a
  /// counter is told what came since.
  private let told = Mutex<[String: Int]>([:])

  init(factory: any MetricsFactory) {
    self.factory = factory
  }

  func record(_ guards: Guards) {
    for status in guards.all { self.record(status) }
    for (name, rate) in guards.rates {
      self.gauge("guard.rate.keys", rate.keys, [("guard", name)])
      self.count("guard.refused", rate.refused, [("guard", name), ("reason", "rate")])
    }
    for (name, admission) in guards.admissions {
      self.record(name, admission)
    }
  }

  private func record(_ status: Guards.Guard) {
    let name = [("guard", status.name)]
    let circuit = status.circuit
    for phase in [GuardedChannel.Circuit.closed, .halfOpen, .open] {
      self.gauge(
        "guard.circuit.phase", circuit.phase == phase ? 1 : 0, name + [("phase", phase.rawValue)])
    }
    self.gauge("guard.circuit.forced", circuit.mode == .automatic ? 0 : 1, name)
    let bulkhead = status.bulkhead
    self.gauge("guard.bulkhead.running", bulkhead.running, name)
    self.gauge("guard.bulkhead.waiting", bulkhead.waiting, name)
    self.gauge("guard.bulkhead.limit", bulkhead.limit, name)
    self.count("guard.refused", circuit.refused, name + [("reason", "circuit-open")])
    self.count("guard.refused", bulkhead.refusedFull, name + [("reason", "bulkhead-full")])
    self.count("guard.refused", bulkhead.refusedWait, name + [("reason", "bulkhead-wait")])
    if let client = status.client {
      self.gauge("guard.retry_budget.left", client.budgetLeft, name)
      self.count("guard.refused", client.refusedByBudget, name + [("reason", "retry-budget")])
    }
  }

  private func record(_ door: String, _ admission: AdmissionStatistics) {
    let door = [("door", door)]
    self.gauge("admission.limit", admission.limit, door)
    self.gauge("admission.running", admission.inFlight, door)
    self.gauge("admission.waiting", admission.queued.total, door)
    self.count("admission.admitted", admission.admitted.total, door)
    for (reason, counts) in [
      ("queue-full", admission.refusedQueueFull), ("queue-time", admission.refusedQueueTime),
      ("expired", admission.refusedExpired), ("too-late", admission.refusedTooLate),
    ] {
      self.count("admission.refused", counts.total, door + [("reason", reason)])
    }
  }

  private func gauge(_ label: String, _ value: Int, _ dimensions: [(String, String)]) {
    self.factory.makeRecorder(label: label, dimensions: dimensions, aggregate: false)
      .record(Int64(value))
  }

  private func count(_ label: String, _ total: Int, _ dimensions: [(String, String)]) {
    let key = dimensions.reduce(label) { "\($0),\($1.0)=\($1.1)" }
    let more = self.told.withLock { max(0, total - exchange(&$0[key, default: 0], with: total)) }
    self.factory.makeCounter(label: label, dimensions: dimensions).increment(by: Int64(more))
  }

  static let descriptions = [
    MetricDescription(
      "guard.circuit.phase", help: "1 for the phase that the circuit to a dependency is in."),
    MetricDescription(
      "guard.circuit.forced", help: "1 while an operator has opened or closed the circuit."),
    MetricDescription("guard.bulkhead.running", help: "Calls to a dependency that run."),
    MetricDescription("guard.bulkhead.waiting", help: "Calls to a dependency that wait."),
    MetricDescription(
      "guard.bulkhead.limit", help: "Calls to a dependency that may run at once."),
    MetricDescription(
      "guard.refused", help: "Calls and requests that a guard did not let through, by reason."),
    MetricDescription(
      "guard.retry_budget.left", help: "Retries of calls to a dependency that may be made now."),
    MetricDescription("guard.rate.keys", help: "Callers that a rate limiter remembers."),
    MetricDescription("admission.limit", help: "What may run at once behind a door."),
    MetricDescription("admission.running", help: "What runs behind a door."),
    MetricDescription("admission.waiting", help: "What waits at a door."),
    MetricDescription("admission.admitted", help: "What a door has let in."),
    MetricDescription("admission.refused", help: "What a door has refused, by reason."),
  ]
}
