import AccessTokens
import ArgumentParser
import FramedRPCTLS
import Logging
import SugangServices
import Supervisor

/// `sugang up`: the whole system on this machine.
struct UpCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "up",
    abstract: "Run all services on this machine until Ctrl-C.",
    discussion: """
      Each service is a process of its own that is started again when it ends;
      'sugang ps', 'stop' and 'start' look after them. Ctrl-C drains and ends all,
      a second one kills them.
      \(RunOptions.precedence)

      Examples:
        sugang up
        sugang up --data /tmp/sugang --port-offset 100
        sugang up --in-process        one process for a small machine
        sugang up --wait-ready 30     exit 1 when it is not ready in 30 s
        sugang up --tls-directory certificates
      """)

  @OptionGroup var options: RunOptions

  @Flag(help: "Run all services in this one process, unsupervised.")
  var inProcess = false

  @Flag(
    help: """
      Run point, gift, alert and my page with the processor time that others leave over: answers \
      to students come first. On a machine that others keep busy these then hardly run.
      """)
  var backgroundFollowers = false

  @Option(
    help: ArgumentHelp(
      "End with exit code 1 when the system is not ready in this time (default: keep trying).",
      valueName: "seconds"))
  var waitReady: Double?

  func validate() throws {
    if self.inProcess, self.backgroundFollowers {
      throw ValidationError("--background-followers has no effect in one process: no --in-process.")
    }
    if let seconds = self.waitReady, !(seconds > 0 && seconds < 1_000_000) {
      throw ValidationError("--wait-ready takes a number of seconds above 0, not \(seconds).")
    }
  }

  func run() async throws {
    let settings = try await self.options.resolved()
    let folder: DataFolder
    do throws(DataFolder.Unusable) {
      folder = try DataFolder(settings.services.dataFolder)
    } catch {
      throw CommandFailure(error.description)
    }
    do throws(TLSFileError) {
      _ = try ServiceTLS(ServiceName.allCases, settings.services)
    } catch {
      throw CommandFailure(
        "\(error.description)\n  'scripts/make-certificates FOLDER' makes what TLS needs")
    }
    do throws(KeyFileError) {
      _ = try await Authentication(settings.services)
    } catch {
      throw CommandFailure(
        """
        '\(settings.services.authentication?.jwksFile ?? "")' \(error.reason)
          'sugang token NAME' makes keys for development
        """)
    }
    try await PortCheck.requireFree(settings)
    let logger = Logger.start(service: "sugang", level: settings.logLevel)
    let readiness = Readiness(
      settings: settings, limit: self.waitReady.map { .seconds($0) }, started: .now)
    if self.inProcess {
      try await self.runInProcess(settings, readiness, logger)
    } else {
      try await SupervisedRun(
        settings: settings, folder: folder, logger: logger,
        hasBackgroundFollowers: self.backgroundFollowers
      ).run(readiness)
    }
    withExtendedLifetime(folder) {}
  }

  private func runInProcess(
    _ settings: RunSettings, _ readiness: Readiness, _ logger: Logger
  ) async throws {
    try await HostedServices.run(withStdin: false, logger: logger, what: "sugang") {
      try await withThrowingTaskGroup(of: Bool.self) { group in
        group.addTask {
          try await runAll(settings: settings.services, logger: logger)
          return true
        }
        group.addTask {
          let isReady = await readiness.announced()
          guard isReady || Task.isCancelled else { throw readiness.failure() }
          return false
        }
        // Leave when the services have, whether they were ready or not.
        while let isOver = try await group.next(), !isOver {}
        group.cancelAll()
      }
    }
  }
}
