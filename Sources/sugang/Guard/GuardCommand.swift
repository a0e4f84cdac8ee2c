import ArgumentParser

/// `sugang guard`: what guards the services against trouble and load.
struct GuardCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "guard",
    abstract: "See and set the circuits, bulkheads and limits of running services.",
    discussion: """
      What is set holds until the service ends, or it is set again.

      Examples:
        sugang guard list                             of all services
        sugang guard open class pay                   no call from class to pay
        sugang guard auto class pay                   as the calls come out again
        sugang guard set class pay --max-calls 64
        sugang guard set gateway caller --rate 100/s:300
      """,
    subcommands: [
      GuardListCommand.self, GuardOpenCommand.self, GuardCloseCommand.self, GuardAutoCommand.self,
      GuardSetCommand.self,
    ])
}
