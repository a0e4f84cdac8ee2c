import JSON

extension Routes {
  /// What an orchestrator asks: `/livez` touches nothing, so that a busy process is not killed
  /// (trap T46), `/readyz` asks what the service needs.
  ///
  /// - Parameter reasonsNotReady: empty when ready, else a short sentence for each reason.
  package func addHealth(reasonsNotReady: @escaping @Sendable () async -> [String]) {
    self.on(.get, "/livez", isExempt: true, isPublic: true) { _ in .json(["status": "ok"]) }
    self.on(.get, "/readyz", isExempt: true, isPublic: true) { _ in
      let reasons = await reasonsNotReady()
      guard reasons.isEmpty else { throw HTTPProblem.notReady(reasons) }
      return .json(["status": "ready"])
    }
  }
}
