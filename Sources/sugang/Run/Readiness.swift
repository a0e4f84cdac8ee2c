import NIOPosix
import SugangServices
import Supervisor

/// Watches until the gateway says that all services are ready, then shows where they are.
struct Readiness: Sendable {
  let settings: RunSettings
  /// How long it may take; nil: as long as it takes.
  let limit: Duration?
  let started: ContinuousClock.Instant

  private static let pollInterval = Duration.milliseconds(50)
  private static let firstNotice = Duration.seconds(15)

  /// Returns true once the table is printed, false when time is up or the task was cancelled.
  func announced() async -> Bool {
    var hasNoticed = false
    while !Task.isCancelled {
      if await self.isReady(.gateway) {
        self.printTable()
        return true
      }
      let elapsed = ContinuousClock.now - self.started
      if let limit = self.limit, elapsed >= limit { return false }
      if !hasNoticed, elapsed >= Self.firstNotice {
        hasNoticed = true
        Console.note("still not ready: \(await self.unready().joined(separator: ", "))")
      }
      try? await Task.sleep(for: Self.pollInterval)
    }
    return false
  }

  func failure() -> CommandFailure {
    CommandFailure(
      "not ready after \(self.limit.map { "\($0.inSeconds) s" } ?? "all"); the log above says why")
  }

  private func isReady(_ service: ServiceName) async -> Bool {
    await HTTPProbe.status(
      host: self.settings.localHost, port: self.settings.restPort(service), path: "/readyz",
      group: MultiThreadedEventLoopGroup.singleton) == 200
  }

  private func unready() async -> [String] {
    var names: [String] = []
    for service in ServiceName.allCases where await !self.isReady(service) {
      names.append(service.rawValue)
    }
    return names
  }

  private func printTable() {
    var table = TextTable(("service", .left), ("REST", .left), ("RPC", .left))
    let host = self.settings.localHost
    for service in ServiceName.allCases {
      table.add(
        service.rawValue, "http://\(host):\(self.settings.restPort(service))",
        "\(host):\(self.settings.rpcPort(service))")
    }
    let tenths = ((ContinuousClock.now - self.started).inSeconds * 10).rounded() / 10
    let gateway = "http://\(host):\(self.settings.restPort(.gateway))"
    Console.print(
      """

      \(table.text)

      ready in \(tenths) s; data in \(self.settings.services.dataFolder); Ctrl-C ends it
      try: curl \(gateway)/courses

      """)
  }
}
