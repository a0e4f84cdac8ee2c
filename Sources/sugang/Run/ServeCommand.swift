import ArgumentParser
import Logging
import ServiceLifecycle
import SugangServices
import UnixSignals

/// `sugang serve`: one service in this process, as a container runs it.
struct ServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve",
    abstract: "Run one service until SIGTERM or Ctrl-C.",
    discussion: """
      SERVICE is one of gateway, course, class, pay, point, gift, alert, mypage.
      \(RunOptions.precedence)

      Examples:
        sugang serve pay
        SUGANG_PORT_OFFSET=100 sugang serve pay --log-level debug
      """)

  @Argument(help: "The service's name.")
  var service: ServiceName

  @OptionGroup var options: RunOptions

  @Flag(help: "Leave as well when stdin closes: how a supervisor holds its children.")
  var untilStdinCloses = false

  func run() async throws {
    let settings = try await self.options.resolved()
    let logger = Logger.start(service: self.service.rawValue, level: settings.logLevel)
    let name = self.service
    try await HostedServices.run(
      withStdin: self.untilStdinCloses, logger: logger, what: name.rawValue
    ) {
      try await runService(name, settings: settings.services, logger: logger)
    }
  }
}

extension ServiceName: ExpressibleByArgument {}

/// Runs services in this process until a signal, or until stdin closes.
enum HostedServices {
  static func run(
    withStdin: Bool, logger: Logger, what: String,
    _ body: @escaping @Sendable () async throws -> Void
  ) async throws {
    var services = [
      ServiceGroupConfiguration.ServiceConfiguration(
        service: HostedService(body: body),
        successTerminationBehavior: .gracefullyShutdownGroup, serviceName: what)
    ]
    if withStdin {
      services.append(
        ServiceGroupConfiguration.ServiceConfiguration(
          service: HostedService {
            try await cancelWhenGracefulShutdown { try await StandardInput.untilClosed() }
          },
          successTerminationBehavior: .gracefullyShutdownGroup, serviceName: "stdin"))
    }
    let group = ServiceGroup(
      configuration: ServiceGroupConfiguration(
        services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
    do {
      try await group.run()
    } catch let failure as CommandFailure {
      throw failure
    } catch {
      logger.error("ends: \(error)")
      throw CommandFailure("\(what) cannot run: \(error)")
    }
  }
}

/// A closure as a service of swift-service-lifecycle.
private struct HostedService: Service {
  let body: @Sendable () async throws -> Void

  func run() async throws {
    try await self.body()
  }
}
