import ArgumentParser
import FramedRPC
import SugangServices

/// What `open`, `close` and `auto` have in common.
struct GuardedDependency: ParsableArguments {
  @Argument(help: "The service that calls, as 'sugang ps' shows it.")
  var service: ServiceName

  @Argument(help: "The service that is called, as 'sugang guard list' shows it.")
  var name: String

  @OptionGroup var running: RunningServices

  func set(_ mode: FramedrpcV1.CircuitMode) async throws {
    let answer = try await self.running.call(self.service) {
      try await FramedrpcV1.ResilienceServiceClient($0).setCircuit(
        .init(name: self.name, mode: mode), options: self.running.options)
    }
    var tables = GuardTables()
    if let status = answer.status { tables.add(self.service, status) }
    Console.print(tables.text ?? "")
  }
}

/// `sugang guard open`: stops the calls to a dependency.
struct GuardOpenCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "open",
    abstract: "Let no call through to a dependency, not even a probe.",
    discussion: """
      Calls fail at once, and what does without the dependency goes on without it.

      Example:
        sugang guard open class pay
      """)

  @OptionGroup var dependency: GuardedDependency

  func run() async throws { try await self.dependency.set(.forcedOpen) }
}

/// `sugang guard close`: lets every call through.
struct GuardCloseCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "close",
    abstract: "Let every call through to a dependency, whatever becomes of it.",
    discussion: """
      Outcomes are still counted, and deadlines and the bulkhead still hold.

      Example:
        sugang guard close class pay
      """)

  @OptionGroup var dependency: GuardedDependency

  func run() async throws { try await self.dependency.set(.forcedClosed) }
}

/// `sugang guard auto`: gives the decision back.
struct GuardAutoCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "auto",
    abstract: "Let the circuit decide again, from the outcomes of the calls.",
    discussion: """
      It begins closed, and with no outcome.

      Example:
        sugang guard auto class pay
      """)

  @OptionGroup var dependency: GuardedDependency

  func run() async throws { try await self.dependency.set(.automatic) }
}
