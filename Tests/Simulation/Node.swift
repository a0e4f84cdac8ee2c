import Contracts
import EventLog
import FramedRPC
import Kernel
import Logging
import NIOCore
import Storage
import SugangServices

/// What outlives the runs of one thread, because it is dear to make: the databases, which each run
/// begins with anew.
package final class Disks {
  fileprivate var stores: [ServiceName: MemoryDatabase] = [:]
  fileprivate var telemetry: [ServiceName: SimulatedTelemetry] = [:]
  package init() {}

  /// All databases as they were made.
  func rewind() throws {
    for store in self.stores.values { try store.rewind() }
  }

  fileprivate func store(
    of name: ServiceName, _ migrations: [Migration]
  ) throws -> MemoryDatabase {
    if let store = self.stores[name] { return store }
    // The log's id is a random one, and no run is like another with those.
    let store = try MemoryDatabase(
      migrations: migrations, setUp: "UPDATE outbox_log SET log_id = '\(name.rawValue)log'",
      marked: Outbox.table)
    self.stores[name] = store
    return store
  }

  fileprivate func telemetry(of name: ServiceName) -> SimulatedTelemetry {
    if let telemetry = self.telemetry[name] { return telemetry }
    let made = SimulatedTelemetry(
      name, settings: ServiceSettings(dataFolder: "/nowhere"),
      logger: Logger(label: "simulation") { _ in SwiftLogNoOpLogHandler() })
    self.telemetry[name] = made
    return made
  }
}

/// The time between a start of a service and its end: what is gone with a crash.
///
/// `@unchecked Sendable`: belongs to the scheduler's thread.
final class Life: @unchecked Sendable {
  let name: ServiceName
  fileprivate(set) var isAlive = true
  /// Why the database takes no writes any more.
  var stopReason: String?
  fileprivate(set) var answers: [String: RPCService.UnaryAnswer] = [:]
  var waiting: [WaitingWrite] = []
  var commitHooks: [@Sendable () -> Void] = []
  var stopHooks: [@Sendable (String) -> Void] = []
  /// Calls of this service, and calls to it, that are under way.
  var exchanges: [Exchange] = []
  var served: [Exchange] = []
  fileprivate(set) var consumers: [ConsumerRunner] = []
  fileprivate(set) var loops: [LoopRunner] = []
  /// Of the services that this one calls.
  fileprivate(set) var guards = Guards()
  /// Services behind a circuit that was not closed when somebody looked last.
  var openCircuits: Set<String> = []

  fileprivate init(_ name: ServiceName) {
    self.name = name
  }
}

/// One simulated service: its disk and its clock, and the life it leads at the moment, if it does.
///
/// `@unchecked Sendable`: belongs to the scheduler's thread.
final class Node: @unchecked Sendable {
  let name: ServiceName
  unowned let world: World
  private let disks: Disks
  private(set) var life: Life?
  /// How often it has started.
  private(set) var starts = 0
  /// When its database took no more writes in each life in which that happened, by the number of its
  /// start, in virtual microseconds.
  private(set) var stopTimes: [Int: Int64] = [:]
  /// How wrong its clock is, in microseconds.
  var clockOffset: Int64 = 0
  /// The last event that the others were told of.
  private(set) var lastEvent: Int64 = 0

  init(_ name: ServiceName, world: World, disks: Disks) {
    self.name = name
    self.world = world
    self.disks = disks
  }

  var clock: NodeClock { NodeClock(node: self) }

  /// What is on the disk.
  var store: MemoryDatabase {
    guard let store = self.disks.stores[self.name] else {
      preconditionFailure("\(self.name.rawValue) has never started")
    }
    return store
  }

  // MARK: Life and death

  /// The database takes no more writes in this life.
  func noteStop() { self.stopTimes[self.starts] = self.world.scheduler.now }

  func start() throws {
    let life = Life(self.name)
    self.starts += 1
    let service = try SimulatedService(
      self.name, settings: self.world.sabotage.applied(to: self.world.settings),
      in: self.surroundings(of: life), telemetry: self.disks.telemetry(of: self.name))
    var services = service.rpcServices
    if let feed = service.feed {
      services.append(
        EventsV1.EventFeedService.register(
          ImpatientFeed(feed: feed, hidden: self.world.sabotage.hiddenEvents), on: .eventLoop))
    }
    services.append(FramedrpcV1.HealthService.register(LifeSign(), on: .eventLoop))
    life.guards = service.guards
    for service in services { life.answers.merge(service.unaryAnswers) { $1 } }
    life.consumers = service.consumers.map { ConsumerRunner($0, life: life, world: self.world) }
    life.loops = service.loops.filter { $0.name != self.world.sabotage.forgottenLoop }.map {
      LoopRunner($0, life: life, world: self.world)
    }
    self.life = life
    for consumer in life.consumers { consumer.wake() }
    for loop in life.loops { loop.start() }
    // The last commit before a crash may have had some.
    self.noticeEvents()
  }

  private func surroundings(of life: Life) -> SimulatedSurroundings {
    let (world, scheduler, disks, name) = (self.world, self.world.scheduler, self.disks, self.name)
    let node = self
    let boxed = Unchecked(disks)
    let pace = self.world.sabotage.pace
    let steadyClock = SteadyNodeClock(
      start: self.clock.now().microseconds - scheduler.now * pace, pace: pace,
      scheduler: scheduler)
    return SimulatedSurroundings(
      clock: self.clock,
      open: { migrations in
        try boxed.value.store(of: name, migrations).open()
        return SimulatedDatabase(node: node, life: life)
      },
      channel: { SimulatedChannel(world: world, caller: life, target: $0) },
      pause: { await scheduler.sleep($0.inMicroseconds) },
      now: { NIODeadline(virtualMicroseconds: scheduler.now) },
      timer: { delay, action in
        // Not before the delay is over by a clock of nanoseconds.
        let timer = Unchecked(
          scheduler.after((delay.nanoseconds + 999) / 1_000, "guard") { action() })
        return { timer.value.cancel() }
      },
      steadyClock: steadyClock, random: { scheduler.random.next() })
  }

  /// All that is not on the disk is gone, and what the service does is of no consequence any more:
  /// its tasks end with errors that nobody hears.
  func crash(restarts: Bool = true) {
    guard let life = self.life else { return }
    let scheduler = self.world.scheduler
    self.life = nil
    life.isAlive = false
    self.world.lookAtGuards(of: life, isLast: true)
    for write in life.waiting { scheduler.soon("crash") { write.fail(StorageError.closed) } }
    life.waiting = []
    for exchange in life.exchanges {
      exchange.finish(.failure(RPCError(.cancelled, "the service is gone")))
    }
    for exchange in life.served where scheduler.random.chance(700) {
      scheduler.after(scheduler.random.time(100...5_000), "reset") {
        exchange.finish(.failure(RPCError(.unavailable, "the connection was lost")))
      }
    }
    guard restarts else { return }
    if self.world.sabotage == .forgetsCursors { self.forgetCursors() }
    self.checkMark()
    self.damageLog()
    if scheduler.random.chance(200) { self.cutMark() }
    scheduler.after(scheduler.random.time(5_000...2_000_000), "restart") {
      guard self.life == nil, !self.world.isOver else { return }
      self.world.attempt { try self.start() }
    }
  }

  /// Sabotage: the service takes all events again.
  private func forgetCursors() {
    self.world.attempt {
      _ = try self.store.commit([
        { connection in
          try connection.execute("DELETE FROM inbox_cursor")
          try connection.execute("DELETE FROM inbox")
        }
      ])
    }
  }

  // MARK: Events

  /// Wakes who follows this service when there is something new in its log.
  func noticeEvents() {
    let last = try? self.store.read { try $0.integer("SELECT max(sequence) FROM outbox") }
    guard let last, last > self.lastEvent else { return }
    self.lastEvent = last
    self.world.eventsCame(from: self.name)
  }
}

/// The wall clock of one service, which may be wrong.
struct NodeClock: WallClock {
  /// 2026-01-01T00:00:00Z
  private static let start: Int64 = 1_767_225_600_000_000
  fileprivate let node: Node

  func now() -> Timestamp {
    Timestamp(
      microseconds: Self.start + self.node.world.scheduler.now + self.node.clockOffset)
  }
}

/// The wall clock of one life, which goes on from what the service's clock showed when it began.
struct SteadyNodeClock: WallClock {
  /// What it shows when the virtual time is 0, in microseconds.
  fileprivate let start: Int64
  /// 1, unless it is sabotaged.
  fileprivate let pace: Int64
  fileprivate let scheduler: Scheduler

  func now() -> Timestamp {
    Timestamp(microseconds: self.start + self.scheduler.now * self.pace)
  }
}

/// A value that the compiler does not know to be used on one thread only.
struct Unchecked<Value>: @unchecked Sendable {
  let value: Value

  init(_ value: Value) {
    self.value = value
  }
}

/// Says that the service is there: circuits that are open ask.
private struct LifeSign: FramedrpcV1.HealthServiceHandler {
  func check(
    _ request: FramedrpcV1.CheckRequest, _ context: RPCContext
  ) async throws -> FramedrpcV1.CheckResponse {
    FramedrpcV1.CheckResponse(status: .serving)
  }

  func list(
    _ request: FramedrpcV1.ListHealthRequest, _ context: RPCContext
  ) async throws -> FramedrpcV1.ListHealthResponse {
    FramedrpcV1.ListHealthResponse()
  }

  func watch(
    _ request: FramedrpcV1.CheckRequest, _ responses: RPCWriter<FramedrpcV1.CheckResponse>,
    _ context: RPCContext
  ) async throws {}
}

/// The real feed, asked in a way that it does not wait: waiting takes real time.
private struct ImpatientFeed: EventsV1.EventFeedServiceHandler {
  let feed: EventFeed
  /// Sabotage: events that nobody hears of.
  let hidden: String?

  func fetch(
    _ request: EventsV1.FetchRequest, _ context: RPCContext
  ) async throws -> EventsV1.FetchResponse {
    var request = request
    request.waitMs = 0
    var answer = try await self.feed.fetch(request, context)
    if let hidden { answer.events.removeAll { $0.type == hidden } }
    return answer
  }
}
