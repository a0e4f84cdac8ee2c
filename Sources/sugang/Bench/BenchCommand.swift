import ArgumentParser

/// `sugang bench`: measurements of this machine.
struct BenchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Measure how fast this machine is.",
    subcommands: [
      BenchRPCCommand.self, BenchCodecCommand.self, BenchEnrollCommand.self, BenchGuardCommand.self,
      BenchServerCommand.self,
    ])
}
