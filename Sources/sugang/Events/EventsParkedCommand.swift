import ArgumentParser
import Contracts
import JSON
import SugangServices

/// `sugang events parked`: the events that wait for a person.
struct EventsParkedCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "parked",
    abstract: "List the parked events of one service, or of all.",
    discussion: """
      An event with 0 tries only waits behind an earlier one of its subject. The
      exit code is 0 whether or not events are parked, and 1 when a service did not
      answer; those of the others are listed all the same. --json cuts long reasons
      later than the table does.

      Examples:
        sugang events parked
        sugang events parked point --port-offset 100
        sugang events parked --json
      """)

  @Argument(help: "The service's name, as 'sugang ps' shows it (default: all).")
  var service: ServiceName?

  @Flag(help: "Print JSON instead of a table.")
  var json = false

  @OptionGroup var inboxes: EventInboxes

  func run() async throws {
    var table = ParkedTable()
    var array: [JSONValue] = []
    var failures: [String] = []
    for service in self.service.map({ [$0] }) ?? EventInboxes.services {
      do {
        for event in try await self.parked(by: service) {
          table.add(service, event)
          array.append(Self.json(service, event))
        }
      } catch let failure as CommandFailure {
        failures.append(failure.message)
      }
    }
    if self.json {
      Console.print(JSONValue.array(array).text(.pretty))
    } else if !table.isEmpty {
      Console.print(table.text)
    } else if failures.isEmpty {
      Console.note("no events are parked")
    }
    guard failures.isEmpty else {
      throw CommandFailure(failures.joined(separator: "\nerror: "))
    }
  }

  private func parked(by service: ServiceName) async throws -> [EventsV1.ParkedEvent] {
    try await self.inboxes.call(service) { inbox in
      var events: [EventsV1.ParkedEvent] = []
      var token = ""
      repeat {
        let page = try await inbox.listParked(
          .init(pageSize: 500, pageToken: token), options: self.inboxes.options)
        events += page.events
        token = page.nextPageToken
      } while !token.isEmpty
      return events
    }
  }

  private static func json(_ service: ServiceName, _ event: EventsV1.ParkedEvent) -> JSONValue {
    [
      "service": .string(service.rawValue), "source": .string(event.source),
      "subject": .string(event.subject), "sequence": .integer(event.sequence),
      "type": .string(event.type), "tries": .integer(event.tries),
      "parkedAt": .string(event.parkedAt), "event": .string(event.id),
      "reason": .string(event.reason),
    ]
  }
}
