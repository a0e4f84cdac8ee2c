import ArgumentParser
import Contracts

/// `sugang stop`: ends one service, which then stays ended.
struct StopCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stop",
    abstract: "Stop one service of a running 'sugang up'; it stays stopped until 'sugang start'.",
    discussion: """
      Returns when its process is gone.

      Examples:
        sugang stop course
        sugang stop pay --kill          at once, as a crash would
      """)

  @Argument(help: "The service's name, as 'sugang ps' shows it.")
  var service: String

  @Flag(help: "Kill it (SIGKILL) instead of letting it finish its requests.")
  var kill = false

  @OptionGroup var supervisor: SupervisorClient

  func run() async throws {
    let answer = try await self.supervisor.call {
      try await $0.stopService(
        .init(name: self.service, kill: self.kill), options: SupervisorClient.options)
    }
    let state = answer.service?.state ?? "unknown"
    guard state == "stopped" else {
      throw CommandFailure("\(self.service) is \(state); somebody else started it")
    }
    Console.note("\(self.service) is stopped; 'sugang start \(self.service)' brings it back")
  }
}
