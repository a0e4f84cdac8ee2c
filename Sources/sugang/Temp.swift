import ArgumentParser
import Kernel
import Logging
import SugangServices

@main struct Temp: AsyncParsableCommand {
  static let configuration = CommandConfiguration(subcommands: [Serve.self, All.self, BenchEnroll.self])
}
struct Serve: AsyncParsableCommand {
  @Argument var name: String
  @Option var data: String
  func run() async throws {
    LoggingSystem.bootstrap(StreamLogHandler.standardError)
    var logger = Logger(label: name); logger.logLevel = .notice
    try await runService(ServiceName(rawValue: name)!, settings: ServiceSettings(dataFolder: data), logger: logger)
  }
}
struct All: AsyncParsableCommand {
  @Option var data: String
  func run() async throws {
    LoggingSystem.bootstrap(StreamLogHandler.standardError)
    var logger = Logger(label: "all"); logger.logLevel = .notice
    try await runAll(settings: ServiceSettings(dataFolder: data), logger: logger)
  }
}
