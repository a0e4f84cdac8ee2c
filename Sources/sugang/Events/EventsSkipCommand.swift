import ArgumentParser
import Contracts
import SugangServices

/// `sugang events skip`: gives a parked event up.
struct EventsSkipCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "skip",
    abstract: "Give one parked event of a service up, for good.",
    usage: """
      sugang events skip <service> --event <id> [--source <source>]
      sugang events skip <service> --source <source> --subject <subject>
      """,
    discussion: """
      The service will never handle it, and what it should have done there is to be
      done by hand. Its ids stay noted in the service's log and database. The later
      events of its subject follow at the next retry. To skip it again changes
      nothing.

      Examples:
        sugang events skip point --event pay-1f0c3a5b7d9e2468-7
        sugang events skip point --source pay --subject class-7   what holds it up
      """)

  @Argument(help: "The service's name, as 'sugang ps' shows it.")
  var service: ServiceName

  @Option(help: ArgumentHelp("The event, as 'sugang events parked' shows it.", valueName: "id"))
  var event: String?

  @Option(help: "The service that the event is of.")
  var source: String?

  @Option(help: "Instead of --event: the subject whose first parked event is given up.")
  var subject: String?

  @OptionGroup var inboxes: EventInboxes

  func validate() throws {
    guard (self.event == nil) != (self.subject == nil) else {
      throw ValidationError("give --event, or else --source and --subject")
    }
    guard self.subject == nil || self.source != nil else {
      throw ValidationError("--subject needs --source")
    }
  }

  func run() async throws {
    let answer = try await self.inboxes.call(self.service) {
      try await $0.skipParked(
        .init(
          source: self.source ?? "", eventID: self.event ?? "", subject: self.subject ?? ""),
        options: self.inboxes.options)
    }
    let event = answer.event ?? EventsV1.ParkedEvent()
    let name = event.id.isEmpty ? "event \(event.sequence) of \(event.source)" : event.id
    Console.note(
      answer.alreadySkipped
        ? "\(name) had been given up before; nothing is changed" : "\(name) is given up")
    if answer.remaining > 0 {
      Console.note(
        """
        still parked about \(event.subject): \(answer.remaining)
          'sugang events retry \(self.service.rawValue) --source \(event.source) \
        --subject \(event.subject)' takes them up now
        """)
    }
  }
}
