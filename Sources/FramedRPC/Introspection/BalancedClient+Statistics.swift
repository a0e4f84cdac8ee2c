/// What ``BalancedClient/statistics()`` says, for the operators of the process that calls: the client
/// as a whole in the row of its target, then a row for each endpoint.
extension BalancedClient: StatisticsSource {
  public func statisticsRows() async -> [StatisticsRow] {
    let statistics = self.statistics()
    let whole = StatisticsRow(
      statistics.target,
      [
        .init("calls", Double(statistics.calls)), .init("retries", Double(statistics.retries)),
        .init("hedges", Double(statistics.hedges)),
        .init("reroutes", Double(statistics.reroutes)),
        .init("refused-by-budget", Double(statistics.refusedByBudget)),
        .init("budget-left", Double(statistics.budgetLeft)),
        .init("ejections", Double(statistics.ejections)),
      ])
    return [whole] + statistics.endpoints.map(\.row)
  }
}

extension ClientStatistics.Endpoint {
  fileprivate var row: StatisticsRow {
    StatisticsRow(
      self.address,
      [
        .init("ready", self.state == .ready ? 1 : 0),
        .init("broken", self.state == .broken ? 1 : 0),
        .init("in-flight", Double(self.inFlight)), .init("calls", Double(self.calls)),
        .init("failures", Double(self.failures)),
        .init("latency-us", self.latency / .microseconds(1)),
        .init("ejected-for-ms", (self.ejectedFor ?? .zero) / .milliseconds(1)),
      ] + (self.weight.map { [.init("weight", $0)] } ?? []))
  }
}
