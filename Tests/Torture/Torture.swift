import ArgumentParser

/// Breaks the running system on purpose and looks whether it keeps its promises. Each subcommand
/// prints what it measured and a verdict a line; the exit code is 1 when one of them failed.
@main
struct Torture: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "torture",
    abstract: "The whole system, as real processes, under faults and load.",
    subcommands: [
      PayOutageCommand.self, HotSeatCommand.self, OverloadCommand.self, SiegeCommand.self,
      SpeedCommand.self, GrowthCommand.self, PowerCutCommand.self, CrashMatrixCommand.self,
    ])
}
