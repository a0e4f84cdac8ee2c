import ArgumentParser
import Contracts

/// `sugang start`: brings a stopped service back.
struct StartCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "start",
    abstract: "Start one service of a running 'sugang up'.",
    discussion: """
      Returns when its process is made; GET /readyz says when it is ready.

      Example:
        sugang start course
      """)

  @Argument(help: "The service's name, as 'sugang ps' shows it.")
  var service: String

  @OptionGroup var supervisor: SupervisorClient

  func run() async throws {
    let answer = try await self.supervisor.call {
      try await $0.startService(.init(name: self.service), options: SupervisorClient.options)
    }
    guard let service = answer.service, service.state == "running" else {
      throw CommandFailure(
        "\(self.service) is \(answer.service?.state ?? "unknown"), not running; "
          + "the output of 'sugang up' says why")
    }
    Console.note("\(self.service) runs as process \(service.pid)")
  }
}
