/// Decides what the supervisor does: which process to start, signal or wait for, and when.
///
/// Pure: it is told what happened and at what time, and answers with actions. It starts no process
/// and reads no clock, so that tests play every order of events. Whoever carries the actions out
/// reports `spawned` or `spawnFailed` before any other event.
package struct Supervision: Sendable {
  package typealias Instant = ContinuousClock.Instant

  package enum Event: Hashable, Sendable {
    /// Somebody wants a service to run; `waiter` is told when its process is made.
    case start(String, waiter: Int?)
    /// Somebody wants a service gone; `waiter` is told when it is.
    case stop(String, kill: Bool, waiter: Int?)
    case spawned(String, pid: Int32)
    case spawnFailed(String)
    case exited(String, pid: Int32)
    case timer(Timer)
    /// Everything is to end: in order the first time, at once the second.
    case drain
  }

  package enum Timer: Hashable, Sendable {
    /// A service has waited long enough; outdated when it no longer waits for this moment.
    case restart(String, at: Instant)
    /// A process that was asked to leave has had its time.
    case stopDeadline(pid: Int32)
    /// The services that are drained first have had their time.
    case drainRest
    /// All have had their time.
    case drainDeadline
  }

  package enum Action: Hashable, Sendable {
    case spawn(String)
    case terminate(pid: Int32)
    case kill(pid: Int32)
    case schedule(Timer, at: Instant)
    case answer(waiter: Int)
    /// Nothing runs and nothing will.
    case finish
  }

  /// A process that ran this long did start, so that the next failure begins a new series.
  static let healthyAfter = Duration.seconds(10)
  /// From SIGTERM to SIGKILL.
  static let stopGrace = Duration.seconds(10)
  /// How long the services that go first may delay the others.
  static let firstGrace = Duration.seconds(3)

  /// In the order in which they were given.
  package private(set) var services: [SupervisedService]
  package private(set) var isDraining = false
  /// Those that take the outside's requests: they leave before those they call.
  private let drainedFirst: Set<String>

  package init(services: [String], drainedFirst: Set<String> = []) {
    self.services = services.map(SupervisedService.init)
    self.drainedFirst = drainedFirst
  }

  package func service(_ name: String) -> SupervisedService? {
    self.services.first { $0.name == name }
  }

  package mutating func handle(_ event: Event, now: Instant) -> [Action] {
    switch event {
    case .start(_, let waiter) where self.isDraining:
      // Nothing starts any more; who asked learns what state that leaves the service in.
      waiter.map { [.answer(waiter: $0)] } ?? []
    case .start(let name, let waiter): self.update(name) { $0.start(waiter, now: now) }
    case .stop(let name, let kill, let waiter):
      self.update(name) { $0.stop(kill: kill, waiter: waiter, now: now) }
    case .spawned(let name, let pid): self.update(name) { $0.spawned(pid, now: now) }
    case .spawnFailed(let name): self.update(name) { $0.spawnFailed(now: now) }
    case .exited(let name, let pid): self.exited(name, pid, now: now)
    case .timer(let timer): self.fired(timer, now: now)
    case .drain: self.drain(now: now)
    }
  }

  private mutating func update(
    _ name: String, _ change: (inout SupervisedService) -> [Action]
  ) -> [Action] {
    guard let index = self.services.firstIndex(where: { $0.name == name }) else { return [] }
    return change(&self.services[index])
  }

  private mutating func exited(_ name: String, _ pid: Int32, now: Instant) -> [Action] {
    let isDraining = self.isDraining
    let actions = self.update(name) { $0.exited(pid, restarts: !isDraining, now: now) }
    return isDraining ? actions + self.continueDraining() : actions
  }

  private mutating func fired(_ timer: Timer, now: Instant) -> [Action] {
    switch timer {
    case .restart(let name, let time):
      return self.update(name) { service in
        guard service.state == .waiting(until: time) else { return [] }
        return service.spawn()
      }
    case .stopDeadline(let pid):
      return self.services.contains { $0.pid == pid } ? [.kill(pid: pid)] : []
    case .drainRest: return self.terminateAll()
    case .drainDeadline: return self.killAll()
    }
  }

  // MARK: draining

  private mutating func drain(now: Instant) -> [Action] {
    guard !self.isDraining else { return self.killAll() }
    self.isDraining = true
    var actions: [Action] = []
    for index in self.services.indices {
      actions += self.services[index].cancelRestart()
    }
    let first = self.services.indices.filter {
      self.drainedFirst.contains(self.services[$0].name)
    }
    for index in first {
      actions += self.services[index].terminate()
    }
    actions.append(.schedule(.drainRest, at: now + Self.firstGrace))
    actions.append(.schedule(.drainDeadline, at: now + Self.stopGrace))
    return actions + self.continueDraining()
  }

  private mutating func continueDraining() -> [Action] {
    if self.services.allSatisfy({ $0.state == .stopped }) { return [.finish] }
    let firstAreGone = self.services.allSatisfy {
      !self.drainedFirst.contains($0.name) || $0.state == .stopped
    }
    return firstAreGone ? self.terminateAll() : []
  }

  /// Asks all that still run, each once.
  private mutating func terminateAll() -> [Action] {
    self.services.indices.flatMap { self.services[$0].terminate() }
  }

  private func killAll() -> [Action] {
    self.services.compactMap(\.pid).map { .kill(pid: $0) }
  }
}

// MARK: one service

extension SupervisedService {
  fileprivate mutating func spawn() -> [Supervision.Action] {
    self.state = .spawning
    return [.spawn(self.name)]
  }

  fileprivate mutating func start(_ waiter: Int?, now: Instant) -> [Supervision.Action] {
    switch self.state {
    case .running:
      return waiter.map { [.answer(waiter: $0)] } ?? []
    case .stopped, .waiting:
      self.startWaiters += waiter.map { [$0] } ?? []
      self.backoff.reset()
      return self.spawn()
    case .spawning:
      self.startWaiters += waiter.map { [$0] } ?? []
      return []
    case .stopping(let pid, _):
      self.startWaiters += waiter.map { [$0] } ?? []
      self.state = .stopping(pid: pid, startsAgain: true)
      return []
    }
  }

  fileprivate mutating func stop(
    kill: Bool, waiter: Int?, now: Instant
  ) -> [Supervision.Action] {
    switch self.state {
    case .stopped, .spawning:
      return waiter.map { [.answer(waiter: $0)] } ?? []
    case .waiting:
      self.state = .stopped
      return waiter.map { [.answer(waiter: $0)] } ?? []
    case .running(let pid, _):
      self.stopWaiters += waiter.map { [$0] } ?? []
      self.state = .stopping(pid: pid, startsAgain: false)
      return kill
        ? [.kill(pid: pid)]
        : [
          .terminate(pid: pid),
          .schedule(.stopDeadline(pid: pid), at: now + Supervision.stopGrace),
        ]
    case .stopping(let pid, _):
      self.stopWaiters += waiter.map { [$0] } ?? []
      self.state = .stopping(pid: pid, startsAgain: false)
      return (kill ? [.kill(pid: pid)] : []) + self.answerStartWaiters()
    }
  }

  fileprivate mutating func spawned(_ pid: Int32, now: Instant) -> [Supervision.Action] {
    self.state = .running(pid: pid, since: now)
    return self.answerStartWaiters()
  }

  fileprivate mutating func spawnFailed(now: Instant) -> [Supervision.Action] {
    self.waitToRestart(now: now) + self.answerStartWaiters()
  }

  fileprivate mutating func exited(
    _ pid: Int32, restarts: Bool, now: Instant
  ) -> [Supervision.Action] {
    guard self.pid == pid else { return [] }
    switch self.state {
    case .running(_, let since) where restarts:
      if now - since >= Supervision.healthyAfter { self.backoff.reset() }
      return self.waitToRestart(now: now)
    case .stopping(_, startsAgain: true) where restarts:
      self.backoff.reset()
      return self.answerStopWaiters() + self.spawn()
    default:
      self.state = .stopped
      return self.answerStopWaiters() + self.answerStartWaiters()
    }
  }

  private mutating func waitToRestart(now: Instant) -> [Supervision.Action] {
    let time = now + self.backoff.delay()
    self.restarts += 1
    self.state = .waiting(until: time)
    return [.schedule(.restart(self.name, at: time), at: time)]
  }

  fileprivate mutating func cancelRestart() -> [Supervision.Action] {
    switch self.state {
    case .waiting: self.state = .stopped
    case .stopping(let pid, startsAgain: true):
      self.state = .stopping(pid: pid, startsAgain: false)
    case .stopped, .spawning, .running, .stopping: break
    }
    return self.answerStartWaiters()
  }

  fileprivate mutating func terminate() -> [Supervision.Action] {
    guard case .running(let pid, _) = self.state else { return [] }
    self.state = .stopping(pid: pid, startsAgain: false)
    return [.terminate(pid: pid)]
  }

  private mutating func answerStartWaiters() -> [Supervision.Action] {
    defer { self.startWaiters = [] }
    return self.startWaiters.map(Supervision.Action.answer)
  }

  private mutating func answerStopWaiters() -> [Supervision.Action] {
    defer { self.stopWaiters = [] }
    return self.stopWaiters.map(Supervision.Action.answer)
  }
}
