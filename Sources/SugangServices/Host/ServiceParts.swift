import AdaptorSupport
import Contracts
import EventLog
import Foundation
import FramedRPC
import Kernel
import Logging
import RESTSupport
import ServiceLifecycle
import Storage

/// What a composition puts together for one service; the host runs it.
struct ServiceParts {
  var rpcServices: [RPCService] = []
  var restAdaptors: [any RESTAdaptor] = []
  /// Consumers, recovery loops, and first contacts with those that are called.
  var background: [any Service] = []
  var storage: SQLContext?
  var feed: EventFeed?
  /// Why the service is not ready, asked each time.
  var reasonsNotReady: (@Sendable () async -> [String])?
}

/// What every composition is given.
struct ServiceEnvironment {
  let name: ServiceName
  let settings: ServiceSettings
  let peers: Peers
  let logger: Logger
  let links: Links
  let telemetry: ServiceTelemetry
  var authentication = Authentication.off
  /// What operators see and set.
  let guards = Guards(deadlines: ServiceTelemetry.deadlines)
  /// Counts its calls. What it says of the process's load is measured only where there is a process.
  var load = LoadReporter()
  /// What stands in for the disk, the network and the time; nil when the service is a real one.
  var simulated: SimulatedSurroundings?

  var clock: any WallClock { self.simulated?.clock ?? SystemWallClock() }

  /// Opens the service's own database, and the parts that come with every one.
  func partsWithStorage(migrations: [Migration]) throws -> (ServiceParts, SQLContext) {
    let database = try self.open(migrations)
    let outbox = Outbox(source: self.name.rawValue, database: database)
    let context = SQLContext(database: database, outbox: outbox, clock: self.clock)
    var parts = ServiceParts()
    parts.storage = context
    let feed = EventFeed(
      outbox: outbox, isBusy: { [load] in load.callsInFlight > 0 }, logger: self.logger)
    parts.feed = feed
    parts.reasonsNotReady = {
      (database.isOpen ? [] : ["the database takes no writes"]) + feed.reasonsNotReady
    }
    parts.background.append(self.forgettingOldCommands(context))
    parts.background.append(
      RecoveryLoop("scrub the event log", every: .seconds(1), logger: self.logger) {
        try await feed.scrub()
        return Settlement(settled: 0, remaining: 0)
      })
    return (parts, context)
  }

  private func open(_ migrations: [Migration]) throws -> any TransactionalDatabase {
    if let simulated { return try simulated.open(migrations) }
    // Names are personal data: nobody else on the machine reads them.
    try FileManager.default.createDirectory(
      atPath: self.settings.dataFolder, withIntermediateDirectories: true,
      attributes: [.posixPermissions: 0o700])
    return try SQLiteDatabase(
      path: "\(self.settings.dataFolder)/\(self.name.rawValue).sqlite", migrations: migrations,
      marked: Outbox.table, logger: self.logger)
  }

  /// Follows the feed that `handler` reads.
  ///
  /// - Parameter lettingCallsGoFirst: what it does with the events can wait in a rush; not so
  ///   refunds, and seats that become free.
  func consumer(
    _ handler: any EventHandler, _ context: SQLContext, lettingCallsGoFirst: Bool = false
  ) throws -> EventConsumer {
    guard let source = ServiceName(rawValue: handler.source) else {
      throw UnknownEventSource(source: handler.source)
    }
    return EventConsumer(
      source: handler.source,
      feed: EventsV1.EventFeedServiceClient(
        self.simulated?.channel(source)
          ?? self.peers.channel(to: source).intercepted(by: self.telemetry.feed)),
      intake: EventIntake(
        handler: handler, database: context.database, clock: self.clock, logger: self.logger,
        pause: self.pause),
      yield: lettingCallsGoFirst ? self.settings.eventDelay : .zero, logger: self.logger)
  }

  private func pause(_ duration: Duration) async throws {
    if let simulated { return try await simulated.pause(duration) }
    try await Task.sleep(for: duration)
  }

  /// The channel of a synchronous dependency: behind a breaker and a bulkhead. While the circuit is
  /// open, calls fail fast; the service itself finds out when the dependency is back, so that no
  /// user has to wait for the try. Retries are made inside of it: the circuit sees one outcome a
  /// call, the last.
  ///
  /// - Parameter judgesSlowness: whether slow calls speak against the dependency.
  func guarded(
    _ name: ServiceName, judgesSlowness: Bool = true, in parts: inout ServiceParts
  ) -> any RPCChannel {
    var policy = self.settings.breaker
    if !judgesSlowness { policy.slowCall = nil }
    let channel: GuardedChannel
    if let simulated {
      channel = GuardedChannel(
        simulated.channel(name), breaker: policy, bulkhead: self.settings.bulkhead,
        now: simulated.now, timer: simulated.timer)
      self.guards.register(channel, as: name.rawValue)
    } else {
      let peer = self.peers.channel(to: name)
      channel = GuardedChannel(peer, breaker: policy, bulkhead: self.settings.bulkhead)
      parts.background.append(
        FirstContact(to: name.rawValue, peer, logger: self.logger) { channel.circuit == .closed })
      self.guards.register(channel, as: name.rawValue, client: self.peers.client(of: name))
    }
    parts.background.append(
      CircuitProbe.loop(to: name.rawValue, channel, logger: self.logger))
    guard self.simulated == nil else { return channel.withoutProbing() }
    // Outside the breaker: what it refuses are calls as well.
    return channel.withoutProbing().intercepted(by: self.telemetry.client)
  }

  private func forgettingOldCommands(_ context: SQLContext) -> RecoveryLoop {
    let clock = self.clock
    return RecoveryLoop("forget old commands", every: .seconds(60), logger: self.logger) {
      let forgotten = try await context.database.write { connection in
        try SQLCommandMemory.forgetOld(now: clock.now(), in: connection)
      }
      return Settlement(settled: forgotten, remaining: 0)
    }
  }
}

/// A handler names a feed that no service has.
package struct UnknownEventSource: Error, CustomStringConvertible {
  package let source: String

  package var description: String { "there are no events of \(self.source)" }
}
