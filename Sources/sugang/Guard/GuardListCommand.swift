import ArgumentParser
import FramedRPC
import JSON
import SugangServices

/// `sugang guard list`: how the guards stand.
struct GuardListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "List the guards of one service, or of all.",
    discussion: """
      The first table has a line for each dependency that a service calls: the
      circuit with the calls of its window, the bulkhead, the retries that the
      client may make now, and what was refused since the start. The second has
      what the service itself takes in. The exit code is 1 when a service did not
      answer; the others are listed all the same.

      Examples:
        sugang guard list
        sugang guard list class --json
      """)

  @Argument(help: "The service's name, as 'sugang ps' shows it (default: all).")
  var service: ServiceName?

  @Flag(help: "Print JSON instead of tables.")
  var json = false

  @OptionGroup var running: RunningServices

  func run() async throws {
    var tables = GuardTables()
    var failures: [String] = []
    for service in self.service.map({ [$0] }) ?? ServiceName.allCases {
      do {
        let answer = try await self.running.call(service) {
          try await FramedrpcV1.ResilienceServiceClient($0).listGuards(
            .init(), options: self.running.options)
        }
        tables.add(service, answer)
      } catch let failure as CommandFailure {
        failures.append(failure.message)
      }
    }
    if self.json {
      Console.print(JSONValue.array(tables.json).text(.pretty))
    } else if let text = tables.text {
      Console.print(text)
    }
    guard failures.isEmpty else {
      throw CommandFailure(failures.joined(separator: "\nerror: "))
    }
  }
}
