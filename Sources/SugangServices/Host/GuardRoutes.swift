import FramedRPC
import JSON
import Kernel
import RESTSupport

extension Routes {
  /// `GET /admin/resilience`: the guards of a service as they stand, for people and dashboards. They
  /// are set by `framedrpc.v1.ResilienceService`, behind its token.
  func addGuards(_ guards: Guards) {
    self.on(.get, "/admin/resilience", isExempt: true) { request in
      try request.caller.require(.operator)
      return .json(guards.json)
    }
  }
}

extension Guards {
  fileprivate var json: JSONValue {
    var object: JSONObject = [
      "guards": .array(self.all.map(\.json)),
      "rates": .array(self.rates.map { Self.json($0.name, $0.statistics) }),
      "admissions": .array(self.admissions.map { Self.json($0.name, $0.statistics) }),
    ]
    if let deadlines = self.deadlines {
      object.append(
        "deadline",
        [
          "standardMs": .optionalMilliseconds(deadlines.standard),
          "longestMs": .optionalMilliseconds(deadlines.longest),
          "hopMarginMs": .optionalMilliseconds(deadlines.hopMargin),
        ])
    }
    return .object(object)
  }

  private static func json(_ name: String, _ rate: RateLimitStatistics) -> JSONValue {
    [
      "name": .string(name), "permits": .integer(rate.policy?.permits ?? 0),
      "perMs": .optionalMilliseconds(rate.policy?.per),
      "burst": .integer(rate.policy?.burst ?? 0), "keys": .integer(rate.keys),
      "granted": .integer(rate.granted), "refused": .integer(rate.refused),
    ]
  }

  private static func json(_ name: String, _ admission: AdmissionStatistics) -> JSONValue {
    [
      "name": .string(name), "limit": .integer(admission.limit),
      "running": .integer(admission.inFlight), "waiting": .integer(admission.queued.total),
      "admitted": .integer(admission.admitted.total),
      "refused": [
        "queueFull": .integer(admission.refusedQueueFull.total),
        "queueTime": .integer(admission.refusedQueueTime.total),
        "expired": .integer(admission.refusedExpired.total),
        "tooLate": .integer(admission.refusedTooLate.total),
      ],
    ]
  }
}

extension Guards.Guard {
  fileprivate var json: JSONValue {
    var object: JSONObject = [
      "name": .string(self.name),
      "circuit": [
        "phase": .string(self.circuit.phase.rawValue), "mode": .string(self.circuit.mode.rawValue),
        "calls": .integer(self.circuit.calls), "failures": .integer(self.circuit.failures),
        "slowCalls": .integer(self.circuit.slowCalls),
        "failuresInARow": .integer(self.circuit.failuresInARow),
        "openForMs": .optionalMilliseconds(self.circuit.openFor),
        "timesOpened": .integer(self.circuit.timesOpened),
        "refused": .integer(self.circuit.refused),
      ],
      "bulkhead": [
        "running": .integer(self.bulkhead.running), "waiting": .integer(self.bulkhead.waiting),
        "limit": .integer(self.bulkhead.limit),
        "maxConcurrentCalls": .integer(self.bulkhead.policy.maxConcurrentCalls),
        "maxWaitingCalls": .integer(self.bulkhead.policy.maxWaitingCalls),
        "maxWaitMs": .optionalMilliseconds(self.bulkhead.policy.maxWait),
        "admitted": .integer(self.bulkhead.admitted),
        "admittedLater": .integer(self.bulkhead.admittedLater),
        "refusedFull": .integer(self.bulkhead.refusedFull),
        "refusedWait": .integer(self.bulkhead.refusedWait),
        "abandoned": .integer(self.bulkhead.abandoned),
      ],
    ]
    if let client = self.client {
      object.append(
        "retryBudget",
        [
          "retriesLeft": .integer(client.budgetLeft),
          "retries": .integer(client.retries + client.hedges),
          "refused": .integer(client.refusedByBudget),
        ])
    }
    return .object(object)
  }
}

extension JSONValue {
  fileprivate static func optionalMilliseconds(_ time: Duration?) -> JSONValue {
    time.map { .integer(Int(($0 / .milliseconds(1)).rounded(.up))) } ?? .null
  }
}
