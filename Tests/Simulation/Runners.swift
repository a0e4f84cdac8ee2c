import EventLog
import Kernel
import SugangServices

/// Follows one feed as ``EventConsumer/run()`` does, in virtual time, woken by the source instead of
/// a long poll.
///
/// `@unchecked Sendable`: belongs to the scheduler's thread.
final class ConsumerRunner: @unchecked Sendable {
  let consumer: EventConsumer
  private unowned let life: Life
  private unowned let world: World
  /// The next fetch.
  private var timer: SimulatedTimer?
  private var isIdle = false
  private var isRunning = false
  private var isWanted = false
  private var hasRetriedParked = false
  private var pause = EventConsumer.pauses.first

  init(_ consumer: EventConsumer, life: Life, world: World) {
    self.consumer = consumer
    self.life = life
    self.world = world
  }

  func wake() {
    guard self.world.areFeedsOpen else { return }
    self.isWanted = true
    guard !self.isRunning, self.timer == nil || self.isIdle else { return }
    self.schedule(after: self.world.scheduler.random.time(200...40_000))
  }

  private func schedule(after delay: Int64, isIdle: Bool = false) {
    self.timer?.cancel()
    self.isIdle = isIdle
    let life = self.life
    self.timer = self.world.scheduler.after(delay, "fetch") {
      self.timer = nil
      if life.isAlive { self.fetch() }
    }
  }

  private func fetch() {
    self.isRunning = true
    self.isWanted = false
    let life = self.life
    self.world.scheduler.spawn {
      let result: Result<EventConsumer.Step, any Error>
      do {
        if !self.hasRetriedParked {
          _ = try await self.consumer.intake.retryParked()
          self.hasRetriedParked = true
        }
        result = .success(try await self.consumer.step())
      } catch {
        result = .failure(error)
      }
      if life.isAlive { self.ended(result) }
    }
  }

  private func ended(_ result: Result<EventConsumer.Step, any Error>) {
    self.isRunning = false
    switch result {
    case .success(let step):
      self.pause = EventConsumer.pauses.first
      if !step.isCaughtUp || self.isWanted {
        self.schedule(after: step.interval.inMicroseconds)
      } else {
        self.schedule(after: Int64(EventConsumer.waitMilliseconds) * 1_000, isIdle: true)
      }
    case .failure(let error):
      guard error is InboxError else {
        self.schedule(after: self.pause.inMicroseconds)
        self.pause = min(self.pause * 2, EventConsumer.pauses.longest)
        return
      }
      // An answer without fields looks like one of another log; a whole one never does.
      if self.world.faults(.answerGarbled) == 0 {
        self.world.violations.append(
          Violation(.i6, "\(self.life.name.rawValue) cannot follow: \(error)"))
      }
      self.schedule(after: EventConsumer.mendingPause.inMicroseconds)
    }
  }
}

/// Runs a recovery loop as the host does, in virtual time, and less often while it finds nothing.
///
/// `@unchecked Sendable`: belongs to the scheduler's thread.
final class LoopRunner: @unchecked Sendable {
  private static let longestPause: Int64 = 4_000_000

  private let loop: RecoveryLoop
  private unowned let life: Life
  private unowned let world: World
  private let interval: Int64
  private var pause: Int64
  private var timer: SimulatedTimer?

  init(_ loop: RecoveryLoop, life: Life, world: World) {
    self.loop = loop
    self.life = life
    self.world = world
    self.interval = loop.interval.inMicroseconds
    self.pause = self.interval
  }

  func start() {
    self.schedule(after: self.world.scheduler.random.time(0...self.interval))
  }

  /// Something was committed.
  func wake() {
    guard self.pause > self.interval, let timer else { return }
    timer.cancel()
    self.pause = self.interval
    self.schedule(after: self.interval)
  }

  private func schedule(after delay: Int64) {
    let life = self.life
    self.timer = self.world.scheduler.after(delay, "loop") {
      self.timer = nil
      if life.isAlive { self.run() }
    }
  }

  private func run() {
    let life = self.life
    self.world.scheduler.spawn {
      self.world.lookAtGuards(of: life)
      let settlement = try? await self.loop.work()
      guard life.isAlive else { return }
      self.world.lookAtGuards(of: life)
      self.ended(settlement)
    }
  }

  private func ended(_ settlement: Settlement?) {
    if let settlement, settlement.settled > 0 {
      self.pause = self.interval
      self.schedule(after: 0)
    } else if let settlement, settlement.remaining == 0 {
      self.pause = max(self.interval, min(self.pause * 2, Self.longestPause))
      self.schedule(after: self.pause)
    } else {
      self.pause = self.interval
      self.schedule(after: self.interval)
    }
  }
}
