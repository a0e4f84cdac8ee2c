import FramedRPC
import JSON
import SugangServices

/// Guards of services as tables, and as JSON.
struct GuardTables {
  private var guards = TextTable(
    ("service", .left), ("guard", .left), ("circuit", .left), ("calls", .right),
    ("failed", .right), ("slow", .right), ("running", .right), ("waiting", .right),
    ("retries left", .right), ("refused open", .right), ("full", .right), ("late", .right))
  private var doors = TextTable(
    ("service", .left), ("door", .left), ("limit", .left), ("running", .right),
    ("waiting", .right), ("admitted", .right), ("refused", .right))
  private var hasGuards = false
  private var hasDoors = false
  private(set) var json: [JSONValue] = []

  mutating func add(_ service: ServiceName, _ answer: FramedrpcV1.ListGuardsResponse) {
    for status in answer.guards { self.add(service, status) }
    for admission in answer.admissions {
      self.hasDoors = true
      let refused =
        admission.refusedQueueFull + admission.refusedQueueTime + admission.refusedExpired
        + admission.refusedTooLate
      self.doors.add(
        service.rawValue, admission.name, "\(admission.limit)", "\(admission.inFlight)",
        "\(admission.queued)", "\(admission.admitted)", "\(refused)")
      self.json.append([
        "service": .string(service.rawValue), "kind": "admission", "name": .string(admission.name),
        "limit": .count(admission.limit), "running": .count(admission.inFlight),
        "waiting": .count(admission.queued), "admitted": .count(admission.admitted),
        "refused": .count(refused),
      ])
    }
    for rate in answer.rates {
      self.hasDoors = true
      self.doors.add(
        service.rawValue, rate.name, Self.text(rate), "-", "-", "\(rate.granted)",
        "\(rate.refused)")
      self.json.append([
        "service": .string(service.rawValue), "kind": "rate", "name": .string(rate.name),
        "permits": .count(rate.permits), "perMs": .integer(rate.perMs),
        "burst": .count(rate.burst), "keys": .count(rate.keys),
        "granted": .count(rate.granted), "refused": .count(rate.refused),
      ])
    }
  }

  mutating func add(_ service: ServiceName, _ status: FramedrpcV1.GuardStatus) {
    self.hasGuards = true
    let circuit = status.circuit ?? FramedrpcV1.CircuitStatus()
    let bulkhead = status.bulkhead ?? FramedrpcV1.BulkheadStatus()
    self.guards.add(
      service.rawValue, status.name, Self.text(circuit), "\(circuit.windowCalls)",
      "\(circuit.windowFailures)", "\(circuit.windowSlow)",
      "\(bulkhead.running)/\(bulkhead.limit)", "\(bulkhead.waiting)/\(bulkhead.maxWaitingCalls)",
      status.retryBudget.map { "\($0.retriesLeft)" } ?? "-", "\(circuit.refused)",
      "\(bulkhead.refusedFull)", "\(bulkhead.refusedWait)")
    var object: JSONObject = [
      "service": .string(service.rawValue), "kind": "guard", "name": .string(status.name),
      "circuit": .string(Self.phase(circuit)), "mode": .string(Self.mode(circuit)),
      "calls": .count(circuit.windowCalls), "failures": .count(circuit.windowFailures),
      "slowCalls": .count(circuit.windowSlow), "openForMs": .integer(circuit.openForMs),
      "refusedOpen": .count(circuit.refused), "running": .count(bulkhead.running),
      "limit": .count(bulkhead.limit), "waiting": .count(bulkhead.waiting),
      "maxCalls": .count(bulkhead.maxConcurrentCalls),
      "maxWaiting": .count(bulkhead.maxWaitingCalls), "maxWaitMs": .integer(bulkhead.maxWaitMs),
      "refusedFull": .count(bulkhead.refusedFull), "refusedWait": .count(bulkhead.refusedWait),
    ]
    if let budget = status.retryBudget {
      object.append("retriesLeft", .count(budget.retriesLeft))
    }
    self.json.append(.object(object))
  }

  /// nil when there is nothing to show.
  var text: String? {
    let tables =
      (self.hasGuards ? [self.guards.text] : []) + (self.hasDoors ? [self.doors.text] : [])
    return tables.isEmpty ? nil : tables.joined(separator: "\n\n")
  }

  private static func text(_ circuit: FramedrpcV1.CircuitStatus) -> String {
    if circuit.mode == .forcedOpen || circuit.mode == .forcedClosed { return self.mode(circuit) }
    guard circuit.openForMs > 0 else { return self.phase(circuit) }
    return "\(self.phase(circuit)) for \(circuit.openForMs) ms"
  }

  private static func phase(_ circuit: FramedrpcV1.CircuitStatus) -> String {
    switch circuit.phase {
    case .isClosed: "closed"
    case .isOpen: "open"
    case .halfOpen: "half-open"
    default: "-"
    }
  }

  private static func mode(_ circuit: FramedrpcV1.CircuitStatus) -> String {
    switch circuit.mode {
    case .automatic: "automatic"
    case .forcedOpen: "forced open"
    case .forcedClosed: "forced closed"
    default: "-"
    }
  }

  private static func text(_ rate: FramedrpcV1.RateStatus) -> String {
    guard rate.permits > 0 else { return "off" }
    return "\(rate.permits) in \(rate.perMs) ms, burst \(rate.burst)"
  }
}

extension JSONValue {
  fileprivate static func count(_ value: UInt64) -> JSONValue { .integer(Int(clamping: value)) }
}
