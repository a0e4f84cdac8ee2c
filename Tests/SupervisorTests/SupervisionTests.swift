import Supervisor
import Testing

/// A clock that stands still until it is told, and the actions of one supervision.
private struct Player {
  var supervision: Supervision
  var now = ContinuousClock.now
  private var nextPID: Int32 = 100

  init(_ services: [String], drainedFirst: Set<String> = []) {
    self.supervision = Supervision(services: services, drainedFirst: drainedFirst)
  }

  /// Handles an event, and makes the processes that it asks for.
  @discardableResult
  mutating func play(_ event: Supervision.Event) -> [Supervision.Action] {
    var actions = self.supervision.handle(event, now: self.now)
    for case .spawn(let name) in actions {
      self.nextPID += 1
      actions += self.supervision.handle(.spawned(name, pid: self.nextPID), now: self.now)
    }
    return actions
  }

  /// The service ends by itself; returns after how long it is started again.
  mutating func crash(_ name: String) throws -> Duration {
    let pid = try #require(self.supervision.service(name)?.pid)
    let actions = self.play(.exited(name, pid: pid))
    guard case .schedule(let timer, let time) = try #require(actions.first) else {
      throw Unexpected(actions: actions)
    }
    let delay = time - self.now
    self.now = time
    #expect(self.play(.timer(timer)).contains(.spawn(name)))
    return delay
  }

  func pid(_ name: String) throws -> Int32 {
    try #require(self.supervision.service(name)?.pid)
  }

  func state(_ name: String) -> String? {
    self.supervision.service(name)?.stateInWords
  }
}

private struct Unexpected: Error {
  let actions: [Supervision.Action]
}

@Suite("Keeping a service alive")
struct RestartTests {
  @Test("a service that ends is started again, later each time, at most 5 s later")
  func backoff() throws {
    var player = Player(["pay"])
    player.play(.start("pay", waiter: nil))
    let delays = try (1...8).map { _ in try player.crash("pay") }
    #expect(delays == [100, 200, 400, 800, 1600, 3200, 5000, 5000].map { .milliseconds($0) })
    #expect(player.supervision.service("pay")?.restarts == 8)
  }

  @Test("a run of 10 s begins the series of delays anew")
  func healthyRun() throws {
    var player = Player(["pay"])
    player.play(.start("pay", waiter: nil))
    _ = try player.crash("pay")
    #expect(try player.crash("pay") == .milliseconds(200))
    player.now += .seconds(10)
    #expect(try player.crash("pay") == .milliseconds(100))
  }

  @Test("a process that cannot be made counts as one that ended at once")
  func spawnFailure() {
    var supervision = Supervision(services: ["pay"])
    let now = ContinuousClock.now
    #expect(supervision.handle(.start("pay", waiter: 1), now: now) == [.spawn("pay")])
    let time = now + .milliseconds(100)
    #expect(
      supervision.handle(.spawnFailed("pay"), now: now) == [
        .schedule(.restart("pay", at: time), at: time), .answer(waiter: 1),
      ])
    #expect(supervision.service("pay")?.state == .waiting(until: time))
  }

  @Test("a timer of an earlier wait starts nothing")
  func outdatedTimer() throws {
    var player = Player(["pay"])
    player.play(.start("pay", waiter: nil))
    let actions = player.play(.exited("pay", pid: try player.pid("pay")))
    guard case .schedule(let timer, _) = try #require(actions.first) else {
      throw Unexpected(actions: actions)
    }
    #expect(player.play(.start("pay", waiter: 1)).contains(.answer(waiter: 1)))
    #expect(player.play(.timer(timer)).isEmpty)
    #expect(player.state("pay") == "running")
  }

  @Test("the end of a process that is not the current one changes nothing")
  func foreignProcess() {
    var player = Player(["pay"])
    player.play(.start("pay", waiter: nil))
    #expect(player.play(.exited("pay", pid: 1)).isEmpty)
    #expect(player.state("pay") == "running")
  }
}

@Suite("Stopping and starting a service")
struct StopStartTests {
  @Test("a stopped service stays stopped, and who stopped it learns when it is gone")
  func stop() throws {
    var player = Player(["pay", "gift"])
    player.play(.start("pay", waiter: nil))
    let pid = try player.pid("pay")
    #expect(
      player.play(.stop("pay", kill: false, waiter: 1)) == [
        .terminate(pid: pid), .schedule(.stopDeadline(pid: pid), at: player.now + .seconds(10)),
      ])
    #expect(player.state("pay") == "stopping")
    #expect(player.play(.exited("pay", pid: pid)) == [.answer(waiter: 1)])
    #expect(player.state("pay") == "stopped")
    #expect(player.play(.stop("pay", kill: false, waiter: 2)) == [.answer(waiter: 2)])
  }

  @Test("one that does not leave within 10 s is killed, one that left is not")
  func deadline() throws {
    var player = Player(["pay"])
    player.play(.start("pay", waiter: nil))
    let pid = try player.pid("pay")
    player.play(.stop("pay", kill: false, waiter: nil))
    #expect(player.play(.timer(.stopDeadline(pid: pid))) == [.kill(pid: pid)])
    player.play(.exited("pay", pid: pid))
    #expect(player.play(.timer(.stopDeadline(pid: pid))).isEmpty)
  }

  @Test("kill ends it at once, also while it is leaving")
  func kill() throws {
    var player = Player(["pay"])
    player.play(.start("pay", waiter: nil))
    let pid = try player.pid("pay")
    player.play(.stop("pay", kill: false, waiter: 1))
    #expect(player.play(.stop("pay", kill: true, waiter: 2)) == [.kill(pid: pid)])
    #expect(player.play(.exited("pay", pid: pid)) == [.answer(waiter: 1), .answer(waiter: 2)])
  }

  @Test("a service that waits to be restarted is stopped at once")
  func stopWaiting() throws {
    var player = Player(["pay"])
    player.play(.start("pay", waiter: nil))
    let actions = player.play(.exited("pay", pid: try player.pid("pay")))
    #expect(player.state("pay") == "waiting")
    #expect(player.play(.stop("pay", kill: false, waiter: 1)) == [.answer(waiter: 1)])
    guard case .schedule(let timer, _) = try #require(actions.first) else {
      throw Unexpected(actions: actions)
    }
    #expect(player.play(.timer(timer)).isEmpty)
    #expect(player.state("pay") == "stopped")
  }

  @Test("who starts learns when the process is made, at once when it runs")
  func start() throws {
    var player = Player(["pay"])
    #expect(player.play(.start("pay", waiter: 1)) == [.spawn("pay"), .answer(waiter: 1)])
    #expect(player.play(.start("pay", waiter: 2)) == [.answer(waiter: 2)])
  }

  @Test("a start while it is leaving brings it back once it is gone")
  func startWhileStopping() throws {
    var player = Player(["pay"])
    player.play(.start("pay", waiter: nil))
    let pid = try player.pid("pay")
    player.play(.stop("pay", kill: false, waiter: 1))
    #expect(player.play(.start("pay", waiter: 2)).isEmpty)
    #expect(
      player.play(.exited("pay", pid: pid)) == [
        .answer(waiter: 1), .spawn("pay"), .answer(waiter: 2),
      ])
    #expect(player.supervision.service("pay")?.restarts == 0)
  }

  @Test("a start by hand begins the series of delays anew")
  func startResetsBackoff() throws {
    var player = Player(["pay"])
    player.play(.start("pay", waiter: nil))
    _ = try player.crash("pay")
    player.play(.stop("pay", kill: true, waiter: nil))
    player.play(.exited("pay", pid: try player.pid("pay")))
    player.play(.start("pay", waiter: nil))
    #expect(try player.crash("pay") == .milliseconds(100))
  }
}

@Suite("Ending everything")
struct DrainTests {
  private func running() -> Player {
    var player = Player(["gateway", "pay", "gift"], drainedFirst: ["gateway"])
    for name in ["gateway", "pay", "gift"] {
      player.play(.start(name, waiter: nil))
    }
    return player
  }

  @Test("the gateway leaves first, then the others, then it is finished")
  func order() throws {
    var player = self.running()
    let gateway = try player.pid("gateway")
    let pay = try player.pid("pay")
    let gift = try player.pid("gift")
    #expect(
      player.play(.drain) == [
        .terminate(pid: gateway), .schedule(.drainRest, at: player.now + .seconds(3)),
        .schedule(.drainDeadline, at: player.now + .seconds(10)),
      ])
    #expect(
      player.play(.exited("gateway", pid: gateway)) == [
        .terminate(pid: pay), .terminate(pid: gift),
      ])
    #expect(player.play(.exited("pay", pid: pay)).isEmpty)
    #expect(player.play(.exited("gift", pid: gift)) == [.finish])
  }

  @Test("a gateway that takes its time delays the others by 3 s, and all are killed after 10 s")
  func deadlines() throws {
    var player = self.running()
    let gateway = try player.pid("gateway")
    let pay = try player.pid("pay")
    let gift = try player.pid("gift")
    player.play(.drain)
    #expect(player.play(.timer(.drainRest)) == [.terminate(pid: pay), .terminate(pid: gift)])
    player.play(.exited("pay", pid: pay))
    #expect(player.play(.timer(.drainDeadline)) == [.kill(pid: gateway), .kill(pid: gift)])
  }

  @Test("asked twice, it kills what still runs")
  func twice() throws {
    var player = self.running()
    player.play(.drain)
    #expect(
      try player.play(.drain) == [
        .kill(pid: player.pid("gateway")), .kill(pid: player.pid("pay")),
        .kill(pid: player.pid("gift")),
      ])
  }

  @Test("nothing is started any more: neither by its timer nor by hand")
  func noStart() throws {
    var player = self.running()
    let pay = try player.pid("pay")
    let actions = player.play(.exited("pay", pid: pay))
    guard case .schedule(let timer, _) = try #require(actions.first) else {
      throw Unexpected(actions: actions)
    }
    player.play(.drain)
    #expect(player.play(.timer(timer)).isEmpty)
    #expect(player.play(.start("pay", waiter: 1)) == [.answer(waiter: 1)])
    #expect(player.state("pay") == "stopped")
  }

  @Test("a service that crashes meanwhile is not brought back")
  func crashWhileDraining() throws {
    var player = self.running()
    player.play(.drain)
    #expect(player.play(.exited("pay", pid: try player.pid("pay"))).isEmpty)
    #expect(player.state("pay") == "stopped")
  }

  @Test("when nothing runs it is finished at once")
  func nothingRuns() {
    var player = Player(["gateway"], drainedFirst: ["gateway"])
    #expect(player.play(.drain).contains(.finish))
  }
}
