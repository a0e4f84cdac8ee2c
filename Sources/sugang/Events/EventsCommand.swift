import ArgumentParser

/// `sugang events`: what services could not handle.
struct EventsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "events",
    abstract: "See, try again and give up events that a service could not handle.",
    discussion: """
      An event that a service cannot handle is parked, and with it the later ones of
      its source about the same subject; all others go on. Parked events are tried
      again when the service starts, and each minute.

      Examples:
        sugang events parked                          of all services
        sugang events retry point                     once the cause is gone
        sugang events skip point --event pay-1f0c-7   when it never will be
      """,
    subcommands: [EventsParkedCommand.self, EventsRetryCommand.self, EventsSkipCommand.self])
}
