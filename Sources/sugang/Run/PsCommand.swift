import ArgumentParser
import Contracts
import JSON

/// `sugang ps`: the services of a running `sugang up`.
struct PsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ps",
    abstract: "List the services of a running 'sugang up'.",
    discussion: """
      Examples:
        sugang ps
        sugang ps --data /tmp/sugang --json
      """)

  @OptionGroup var supervisor: SupervisorClient

  @Flag(help: "Print JSON instead of a table.")
  var json = false

  func run() async throws {
    let services = try await self.supervisor.call {
      try await $0.listServices(.init(), options: SupervisorClient.options).services
    }
    guard !self.json else {
      return Console.print(
        JSONValue.array(
          services.map { service in
            [
              "name": .string(service.name), "state": .string(service.state),
              "pid": .integer(service.pid), "restarts": .integer(service.restarts),
            ]
          }
        ).text(.pretty))
    }
    var table = TextTable(
      ("service", .left), ("state", .left), ("pid", .right), ("restarts", .right))
    for service in services {
      table.add(
        service.name, service.state, service.pid == 0 ? "-" : "\(service.pid)",
        "\(service.restarts)")
    }
    Console.print(table.text)
  }
}
