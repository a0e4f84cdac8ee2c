import ArgumentParser
import Contracts
import SugangServices

/// `sugang events retry`: tries parked events now.
struct EventsRetryCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "retry",
    abstract: "Try the parked events of a service again, now.",
    discussion: """
      Those of one subject are tried in their order, up to the first that cannot be
      handled. The exit code is 0 when none of those asked for stays parked, else 1.

      Examples:
        sugang events retry point
        sugang events retry point --source pay --subject class-7
      """)

  @Argument(help: "The service's name, as 'sugang ps' shows it.")
  var service: ServiceName

  @Option(help: "Only events of this service.")
  var source: String?

  @Option(help: "Only events about this subject, such as class-7.")
  var subject: String?

  @OptionGroup var inboxes: EventInboxes

  func run() async throws {
    let answer = try await self.inboxes.call(self.service) {
      try await $0.retryParked(
        .init(source: self.source ?? "", subject: self.subject ?? ""),
        options: self.inboxes.options)
    }
    Console.note("handled: \(answer.handled), still parked: \(answer.remaining)")
    guard answer.remaining > 0 else { return }
    var table = ParkedTable()
    for event in answer.blocking { table.add(self.service, event) }
    Console.print(table.text)
    throw CommandFailure(
      """
      these cannot be handled, and hold up the later ones of their subjects
        'sugang events skip \(self.service.rawValue) --event ID' gives one up
      """)
  }
}
