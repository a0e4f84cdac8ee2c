import Synchronization

/// What a service still lacks before it can serve, and what it has lost.
final class Readiness: Sendable {
  private let missing: Mutex<Set<String>>
  private let checks: Mutex<[@Sendable () async -> [String]]>

  init(missing: Set<String>) {
    self.missing = Mutex(missing)
    self.checks = Mutex([])
  }

  /// `part` is there from now on.
  func has(_ part: String) {
    _ = self.missing.withLock { $0.remove(part) }
  }

  func lacks(_ part: String) {
    _ = self.missing.withLock { $0.insert(part) }
  }

  /// Asked each time; answers why not.
  func check(_ check: @escaping @Sendable () async -> [String]) {
    self.checks.withLock { $0.append(check) }
  }

  /// Empty when the service is ready.
  func reasonsNotReady() async -> [String] {
    var reasons = self.missing.withLock { $0.sorted() }
    for check in self.checks.withLock({ $0 }) {
      reasons += await check()
    }
    return reasons
  }
}
