import Contracts
import EventLog
import FramedRPC
import Kernel
import Storage
import SugangServices

/// Everything of one simulated run: seven services with their disks, the network between them, the
/// users, and what goes wrong.
///
/// `@unchecked Sendable`: belongs to the scheduler's thread.
package final class World: @unchecked Sendable {
  package static let payLimitWon: Int64 = 100_000
  /// Short enough that offers lapse while the users are there.
  package static let seatOfferSeconds: Int64 = 4
  /// When the last fault is over, in virtual microseconds.
  package static let healing: Int64 = 12_000_000
  /// How long the users may go on after that.
  private static let patience: Int64 = 120_000_000
  /// How long everything may take to come to rest then: no orphan payment is older (G7).
  package static let settling: Int64 = 60_000_000

  package let seed: UInt64
  package let scheduler: Scheduler
  let sabotage: Sabotage
  private(set) var plan: FaultPlan
  private(set) var nodes: [Node] = []
  private let disks: Disks
  var messages = 0
  private(set) var faults = [Int](repeating: 0, count: Fault.allCases.count)
  var violations: [Violation] = []
  package internal(set) var history = History()
  var activeUsers = 0
  private(set) var isOver = false
  /// Whether the services fetch events from each other by themselves.
  private(set) var areFeedsOpen: Bool
  /// nil where so many are in a course that nobody counts them after each unit of work.
  private(set) var seatWatch: SeatWatch?
  private(set) var roomWatch: RoomWatch
  /// The calls to the waiting room's door, where there is a rush.
  private(set) var doorCalls: [ServedCall] = []
  let settings: ServiceSettings
  var guardCounts = GuardCounts()
  /// The clock of Enrollment when all had come to rest.
  private(set) var restTime: Timestamp?

  /// - Parameter plan: nil for one that the seed draws.
  package init(
    seed: UInt64, disks: Disks, sabotage: Sabotage = .nothing, plan: FaultPlan? = nil,
    areFeedsOpen: Bool = true
  ) throws {
    self.seed = seed
    self.disks = disks
    self.sabotage = sabotage
    self.scheduler = Scheduler(seed: seed)
    self.areFeedsOpen = areFeedsOpen
    self.seatWatch = areFeedsOpen ? SeatWatch() : nil
    // Without a plan there are many more users than these limits are for.
    let settings = plan == nil ? Self.settings(&self.scheduler.random) : Self.usualSettings
    self.settings = settings
    self.roomWatch = RoomWatch(settings.waitingRoom.mode)
    self.plan = plan ?? FaultPlan(until: Self.healing, &self.scheduler.random)
    self.plan.crashes += sabotage.crashes
    try disks.rewind()
    self.nodes = ServiceName.allCases.filter { $0 != .gateway }.map {
      Node($0, world: self, disks: disks)
    }
  }

  private static let usualSettings = ServiceSettings(
    dataFolder: "/nowhere", payLimitWon: World.payLimitWon,
    seatOfferSeconds: World.seatOfferSeconds)

  /// In half of the runs so few users are many.
  private static func settings(_ random: inout SeededGenerator) -> ServiceSettings {
    var settings = Self.usualSettings
    if random.chance(500) {
      settings.bulkhead.maxConcurrentCalls = 1 + random.below(2)
      settings.bulkhead.maxWaitingCalls = random.below(3)
    }
    if random.chance(400) {
      settings.waitingRoom = WaitingRoomSettings(
        mode: random.chance(600) ? .on : .auto, limit: 1 + random.below(2),
        ticketSeconds: 3 + random.below(3), turnSeconds: 2 + random.below(3))
    }
    return settings
  }

  /// Whether somebody may have to wait for a turn.
  var hasRush: Bool { self.settings.waitingRoom != Self.usualSettings.waitingRoom }

  func node(_ name: ServiceName) -> Node {
    guard let node = self.nodes.first(where: { $0.name == name }) else {
      preconditionFailure("there is no \(name.rawValue) here")
    }
    return node
  }

  // MARK: Seats

  /// Looks at Enrollment's store after each unit of work.
  ///
  /// - Parameter call: What the unit was a part of.
  func watchSeats(in connection: any SQLConnection, after call: ServedCall?) throws {
    for statement in self.sabotage.meddling { try connection.execute(statement) }
    self.violations += try self.seatWatch?.look(connection) ?? []
    guard self.hasRush else { return }
    let moment = RoomWatch.Moment(
      time: self.scheduler.now, starts: self.node(.class).starts,
      registration: call.flatMap { $0.registers ? $0 : nil })
    self.violations += try self.roomWatch.look(connection, at: moment)
  }

  /// The student of a ticket was told that it is given up.
  func noteGivenUp(_ token: String) { self.roomWatch.wasGivenUp(token) }

  func note(_ call: ServedCall) {
    if self.hasRush, call.registers || call.takesTicket { self.doorCalls.append(call) }
  }

  /// What was done since `earlier` is undone.
  func rewindWatches(to earlier: (SeatWatch?, RoomWatch)) {
    (self.seatWatch, self.roomWatch) = earlier
  }

  // MARK: Faults

  func count(_ fault: Fault) {
    guard let index = Fault.allCases.firstIndex(of: fault) else { return }
    self.faults[index] += 1
  }

  func faults(_ fault: Fault) -> Int {
    Fault.allCases.firstIndex(of: fault).map { self.faults[$0] } ?? 0
  }

  /// Whether a fault happens now, so many times in a thousand.
  func happens(_ fault: Fault, _ perMille: Int) -> Bool {
    guard self.scheduler.random.chance(perMille) else { return false }
    self.count(fault)
    return true
  }

  /// Something that cannot fail in a simulation.
  func attempt(_ work: () throws -> Void) {
    do {
      try work()
    } catch let error as StorageError {
      // Commits that are gone are acknowledged writes that are gone.
      if case .lostCommits = error { self.violations.append(Violation(.i1, "\(error)")) }
      self.violations.append(Violation(.i12, "\(error)"))
    } catch {
      self.violations.append(Violation(.i11, "\(error)"))
    }
  }

  private func scheduleFaults() {
    for (time, name) in self.plan.crashes {
      self.scheduler.after(time, "crash") {
        guard self.node(name).life != nil else { return }
        self.count(.crash)
        self.node(name).crash()
      }
    }
    for (time, name, offset) in self.plan.clockJumps {
      self.scheduler.after(time, "clock") {
        self.count(.clockJump)
        self.node(name).clockOffset += offset
      }
    }
    for time in self.plan.couriers {
      self.scheduler.after(time, "courier") { self.sendCourier() }
    }
  }

  // MARK: Events

  func eventsCame(from source: ServiceName) {
    for node in self.nodes {
      for consumer in node.life?.consumers ?? []
      where consumer.consumer.source == source.rawValue {
        consumer.wake()
      }
    }
  }

  func openFeeds() {
    self.areFeedsOpen = true
    for node in self.nodes {
      for consumer in node.life?.consumers ?? [] { consumer.wake() }
    }
  }

  /// Brings some events to some consumer once more, in any order, beside its own fetches.
  private func sendCourier() {
    let lives = self.nodes.compactMap(\.life).filter { !$0.consumers.isEmpty }
    guard !lives.isEmpty else { return }
    let life = self.scheduler.random.one(of: lives)
    let consumer = self.scheduler.random.one(of: life.consumers).consumer
    guard let source = ServiceName(rawValue: consumer.source) else { return }
    let node = self.node(source)
    guard node.lastEvent > 0 else { return }
    self.scheduler.spawn {
      guard let sourceLife = node.life else { return }
      let outbox = Outbox(
        source: source.rawValue, database: SimulatedDatabase(node: node, life: sourceLife))
      let start = self.scheduler.random.time(0...max(0, node.lastEvent - 1))
      guard let slice = try? await outbox.events(after: start, limit: 8) else { return }
      var events = slice.events.filter {
        consumer.intake.types.isEmpty || consumer.intake.types.contains($0.type)
      }
      events += events.filter { _ in self.scheduler.random.chance(300) }
      events.shuffle(using: &self.scheduler.random)
      guard !events.isEmpty else { return }
      self.count(.eventsRepeated)
      if zip(events, events.dropFirst()).contains(where: { $0.sequence > $1.sequence }) {
        self.count(.eventsReordered)
      }
      try? await consumer.intake.take(events, logID: slice.logID)
    }
  }

  // MARK: A run

  /// - Throws: ``Livelock``.
  package func run() throws {
    for node in self.nodes { try node.start() }
    self.scheduleFaults()
    Users(self).admit()
    try self.scheduler.run(until: Self.healing)
    self.heal()
    try self.scheduler.run(until: Self.healing + Self.patience) { self.activeUsers == 0 }
    if self.activeUsers > 0 {
      self.violations.append(Violation(.i11, "\(self.activeUsers) users never got an answer"))
    }
    try self.settle()
    try self.shutDown()
  }

  /// Ends every fault but wrong clocks, which stay wrong.
  private func heal() {
    self.plan = .calm
    for node in self.nodes where node.life == nil || node.life?.stopReason != nil {
      node.crash(restarts: false)
      self.attempt { try node.start() }
    }
  }

  /// Waits until everything has come to rest, for a bounded time.
  func settle() throws {
    let end = self.scheduler.now + Self.settling
    var wait: Int64 = 500_000
    while self.scheduler.now < end {
      if Rest(self).isComplete { break }
      try self.scheduler.run(until: min(end, self.scheduler.now + wait))
      wait = min(wait * 2, 8_000_000)
    }
    self.restTime = self.node(.class).clock.now()
    for reason in Rest(self).reasons {
      self.violations.append(Violation(.i7, "no rest after a minute: \(reason)"))
    }
  }

  func shutDown() throws {
    self.isOver = true
    for node in self.nodes { node.crash(restarts: false) }
    try self.scheduler.run(until: self.scheduler.now + Self.patience)
    if self.scheduler.activeTasks > 0 {
      self.violations.append(
        Violation(.i9, "\(self.scheduler.activeTasks) tasks never end"))
    }
  }
}

/// Whether anything is still to be done, and what.
struct Rest {
  /// What the services have to finish by themselves.
  private(set) var unfinished: [String] = []
  /// Who has not taken all events.
  private(set) var behind: [String] = []

  var reasons: [String] { self.unfinished + self.behind }

  var isComplete: Bool { self.reasons.isEmpty }

  init(_ world: World) {
    func expectNone(
      _ name: ServiceName, _ what: String, _ query: String, _ arguments: [SQLValue] = []
    ) {
      let count = try? world.node(name).store.read { try $0.integer(query, arguments) }
      if let count, count > 0 { self.unfinished.append("\(count) \(what)") }
    }
    expectNone(
      .class, "pending classes", "SELECT count(*) FROM class WHERE status = 'PENDING'")
    expectNone(
      .course, "closing courses",
      "SELECT count(*) FROM course WHERE closing_since IS NOT NULL")
    expectNone(
      .class, "offers past their time",
      "SELECT count(*) FROM waitlist WHERE state = 'OFFERED' AND offer_expires_at <= ?",
      [.integer(world.node(.class).clock.now().microseconds)])
    expectNone(
      .class, "canceled courses with classes in them",
      "SELECT count(*) FROM offered_course WHERE state = 'CANCELED' AND seats_taken > 0")
    expectNone(
      .course, "cancellations under way",
      "SELECT count(*) FROM course WHERE canceled_at IS NOT NULL AND canceled_classes IS NULL")
    expectNone(
      .class, "tickets that nobody asks for",
      "SELECT count(*) FROM waiting_ticket WHERE state IN ('WAITING', 'TURN')")
    expectNone(.point, "pending points", "SELECT count(*) FROM point WHERE status = 'PENDING'")
    expectNone(.alert, "new alerts", "SELECT count(*) FROM alert WHERE status = 'NEW'")
    for node in world.nodes {
      guard let life = node.life else {
        // Whoever is down may have much to take once it is back.
        self.behind.append("\(node.name.rawValue) is down")
        continue
      }
      for one in life.guards.all where one.circuit.phase != .closed {
        self.unfinished.append("the circuit of \(node.name.rawValue) to \(one.name) is open")
      }
      for consumer in life.consumers {
        guard let source = ServiceName(rawValue: consumer.consumer.source) else { continue }
        let taken = try? node.store.read {
          try $0.integer(
            "SELECT sequence FROM inbox_cursor WHERE source = ?", [.text(source.rawValue)])
        }
        let last = world.node(source).lastEvent
        if taken ?? 0 < last {
          self.behind.append(
            "\(node.name.rawValue) is at \(taken ?? 0) of \(last) of \(source.rawValue)")
        }
      }
    }
  }
}
