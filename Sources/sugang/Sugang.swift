import ArgumentParser

/// The one executable: runs the services, and talks to them.
@main
struct Sugang: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sugang",
    abstract: "Course enrollment by eight small services that talk FramedRPC.",
    discussion: """
      Examples:
        sugang up                          all services, data in ./data
        sugang ps                          what runs
        sugang events parked               what no service could handle
        sugang reconcile                   whether the services' books agree
        sugang guard list                  circuits, bulkheads and limits as they stand
        sugang mypage rebuild --check      is my page what its events tell?
        sugang rpc list pay                what the pay service offers
        sugang rpc call pay GetPayment -d '{"id": 1}'
        sugang bench rpc                   calls per second on one connection

      'sugang help COMMAND' says more about one command. Data goes to stdout and
      messages to stderr. The exit code is 0; 1 when the command failed; 2 when it
      was not understood.
      """,
    version: "0.1.0",
    groupedSubcommands: [
      CommandGroup(
        name: "Run",
        subcommands: [
          UpCommand.self, ServeCommand.self, PsCommand.self, StopCommand.self, StartCommand.self,
        ]),
      CommandGroup(name: "Develop", subcommands: [TokenCommand.self]),
      CommandGroup(
        name: "Keep the data",
        subcommands: [
          BackupCommand.self, RestoreCommand.self, VerifyCommand.self, MarkCommand.self,
        ]),
      CommandGroup(
        name: "Talk and measure",
        subcommands: [
          EventsCommand.self, ReconcileCommand.self, GuardCommand.self, MyPageCommand.self,
          RPCCommand.self,
          BenchCommand.self,
        ]),
    ])

  static func main() async {
    do {
      var command = try await self.asyncParseAsRoot()
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
    } catch {
      CommandFailure.exit(with: error)
    }
  }
}
