import AdaptorSupport
import EventLog
import FramedRPC
import Kernel
import Logging
import NIOCore
import RESTSupport
import Storage

/// What a simulation puts in the place of the disk, the network and the time.
package struct SimulatedSurroundings: Sendable {
  package let clock: any WallClock
  /// Opens the service's database, made by these migrations.
  package let open: @Sendable ([Migration]) throws -> any TransactionalDatabase
  /// The way to another service.
  package let channel: @Sendable (ServiceName) -> any RPCChannel
  /// Waits between two tries at an event that cannot be handled.
  package let pause: @Sendable (Duration) async throws -> Void
  /// The clock of deadlines and guards.
  package let now: @Sendable () -> NIODeadline
  /// By the same clock.
  package let timer: GuardTimer
  /// A wall clock that nobody sets while the service runs.
  package let steadyClock: any WallClock
  /// For what nobody may guess.
  package let random: @Sendable () -> UInt64

  package init(
    clock: any WallClock,
    open: @escaping @Sendable ([Migration]) throws -> any TransactionalDatabase,
    channel: @escaping @Sendable (ServiceName) -> any RPCChannel,
    pause: @escaping @Sendable (Duration) async throws -> Void,
    now: @escaping @Sendable () -> NIODeadline, timer: @escaping GuardTimer,
    steadyClock: any WallClock, random: @escaping @Sendable () -> UInt64
  ) {
    self.clock = clock
    self.open = open
    self.channel = channel
    self.pause = pause
    self.now = now
    self.timer = timer
    self.steadyClock = steadyClock
    self.random = random
  }
}

/// One service as its composition puts it together, without doors and without threads: a simulation
/// decides when which part of it runs.
package struct SimulatedService: Sendable {
  package let rpcServices: [RPCService]
  /// nil when the service has no events.
  package let feed: EventFeed?
  package let consumers: [EventConsumer]
  package let loops: [RecoveryLoop]
  /// Of the services that this one calls.
  package let guards: Guards

  /// - Parameter settings: of which a simulation needs those that concern the cores.
  package init(
    _ name: ServiceName, settings: ServiceSettings, in surroundings: SimulatedSurroundings,
    telemetry: SimulatedTelemetry
  ) throws {
    let environment = ServiceEnvironment(
      name: name, settings: settings, peers: telemetry.peers, logger: telemetry.logger,
      links: telemetry.links, telemetry: telemetry.telemetry, simulated: surroundings)
    let parts = try compose(environment)
    self.guards = environment.guards
    self.rpcServices = parts.rpcServices
    self.feed = parts.feed
    self.consumers = parts.background.compactMap { $0 as? EventConsumer }
    self.loops = parts.background.compactMap { $0 as? RecoveryLoop }
  }
}

/// What every service is given and no simulation looks at; made once, because it is dear.
package struct SimulatedTelemetry: Sendable {
  let peers: Peers
  let links = Links(publicBaseURL: "http://localhost")
  let telemetry: ServiceTelemetry
  let logger: Logger

  package init(_ name: ServiceName, settings: ServiceSettings, logger: Logger) {
    self.peers = Peers(settings: settings, network: nil)
    self.telemetry = ServiceTelemetry(service: name)
    self.logger = logger
  }
}
