import ArgumentParser
import FramedRPC
import SugangServices

/// `sugang guard set`: other limits of a bulkhead or of a rate.
struct GuardSetCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "set",
    abstract: "Set the limits of a bulkhead, or how fast callers may go on.",
    usage: """
      sugang guard set <service> <name> [--max-calls <n>] [--max-waiting <n>] [--max-wait <time>]
      sugang guard set <service> <name> --rate <rate>
      """,
    discussion: """
      What is not given stays as it is. --max-wait 0ms lets no call wait.

      Examples:
        sugang guard set class pay --max-calls 64 --max-wait 100ms
        sugang guard set gateway caller --rate 100/s:300
        sugang guard set gateway caller --rate off
      """)

  @Argument(help: "The service's name, as 'sugang ps' shows it.")
  var service: ServiceName

  @Argument(help: "The guard's name, as 'sugang guard list' shows it.")
  var name: String

  @Option(help: "Calls at once, 1 to 1000000.")
  var maxCalls: UInt64?

  @Option(help: "Calls that may wait for a place, up to 1000000.")
  var maxWaiting: UInt64?

  @Option(help: ArgumentHelp("How long each of them waits at most.", valueName: "time"))
  var maxWait: String?

  @Option(help: ArgumentHelp("100/s, 100/s:300 with a burst of 300, or off.", valueName: "rate"))
  var rate: String?

  @OptionGroup var running: RunningServices

  func validate() throws {
    let setsBulkhead = self.maxCalls != nil || self.maxWaiting != nil || self.maxWait != nil
    guard setsBulkhead != (self.rate != nil) else {
      throw ValidationError("give --max-calls, --max-waiting or --max-wait, or else --rate")
    }
    if let rate = self.rate, RateLimitSetting(rate) == nil {
      throw ValidationError("a rate is 'off' or such as 100/s or 100/s:300, not '\(rate)'")
    }
    if let maxWait = self.maxWait, Self.milliseconds(maxWait) == nil {
      throw ValidationError("--max-wait is a time such as 0ms, 250ms or 1s, not '\(maxWait)'")
    }
  }

  func run() async throws {
    var tables = GuardTables()
    if let rate = self.rate.flatMap(RateLimitSetting.init) {
      let answer = try await self.running.call(self.service) { channel in
        try await FramedrpcV1.ResilienceServiceClient(channel).setRate(
          Self.request(self.name, rate.policy), options: self.running.options)
      }
      tables.add(
        self.service, FramedrpcV1.ListGuardsResponse(rates: answer.rate.map { [$0] } ?? []))
    } else if let status = try await self.setBulkhead() {
      tables.add(self.service, status)
    }
    Console.print(tables.text ?? "")
  }

  private func setBulkhead() async throws -> FramedrpcV1.GuardStatus? {
    try await self.running.call(self.service) { channel in
      let client = FramedrpcV1.ResilienceServiceClient(channel)
      let options = self.running.options
      let guards = try await client.listGuards(.init(), options: options).guards
      // A name that is not there is refused by the service itself.
      let now = guards.first { $0.name == self.name }?.bulkhead ?? .init(maxConcurrentCalls: 1)
      return try await client.setBulkhead(
        .init(
          name: self.name, maxConcurrentCalls: self.maxCalls ?? now.maxConcurrentCalls,
          maxWaitingCalls: self.maxWaiting ?? now.maxWaitingCalls,
          maxWaitMs: self.maxWait.flatMap(Self.milliseconds) ?? now.maxWaitMs),
        options: options
      ).status
    }
  }

  private static func request(
    _ name: String, _ policy: RateLimitPolicy?
  ) -> FramedrpcV1.SetRateRequest {
    guard let policy else { return .init(name: name) }
    return .init(
      name: name, permits: UInt64(policy.permits), perMs: Int64(policy.per / .milliseconds(1)),
      burst: UInt64(policy.burst))
  }

  /// `DurationArgument` knows no time of 0.
  private static func milliseconds(_ text: String) -> Int64? {
    if ["0", "0ms", "0s"].contains(text) { return 0 }
    return DurationArgument(argument: text).map {
      Int64(($0.duration / .milliseconds(1)).rounded(.up))
    }
  }
}
