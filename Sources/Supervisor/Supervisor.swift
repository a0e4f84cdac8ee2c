import Logging
import NIOCore
import NIOPosix
import Synchronization

/// Keeps one child process per service alive, and ends them in order.
///
/// ``Supervision`` decides; this carries it out.
package final class Supervisor: Sendable {
  /// How to start a service.
  package struct Program: Sendable {
    package let name: String
    package let arguments: [String]
    /// Takes requests from outside, and so leaves before the services it calls.
    package let isDrainedFirst: Bool
    /// Lets the others go first when the processors are all busy.
    package let isInBackground: Bool

    package init(
      name: String, arguments: [String], isDrainedFirst: Bool = false,
      isInBackground: Bool = false
    ) {
      self.name = name
      self.arguments = arguments
      self.isDrainedFirst = isDrainedFirst
      self.isInBackground = isInBackground
    }
  }

  /// Where a line that a child wrote goes.
  package enum OutputStream: Sendable {
    case output
    case errors
  }

  private struct Shared {
    var supervision: Supervision
    var children: [Int32: ChildProcess] = [:]
    var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
    var lastWaiter = 0
    var hasFinished = false
  }

  private static let lastWords = TimeAmount.milliseconds(500)

  private let executable: String
  private let programs: [String: Program]
  private let logger: Logger
  private let receive: @Sendable (String, OutputStream, String) -> Void
  private let shared: Mutex<Shared>
  private let events: AsyncStream<Supervision.Event>
  private let eventSource: AsyncStream<Supervision.Event>.Continuation
  /// One thread a child, to wait for its end.
  private let threads: NIOThreadPool
  /// Reads what the children write; a slow terminal holds up nothing else.
  private let outputGroup = MultiThreadedEventLoopGroup(numberOfThreads: 1)

  /// - Parameters:
  ///   - executable: what every program runs.
  ///   - receive: gets the name of a program, where it wrote, and the line.
  package init(
    programs: [Program], executable: String, logger: Logger,
    receive: @escaping @Sendable (String, OutputStream, String) -> Void
  ) {
    self.programs = Dictionary(uniqueKeysWithValues: programs.map { ($0.name, $0) })
    self.executable = executable
    self.logger = logger
    self.receive = receive
    self.shared = Mutex(
      Shared(
        supervision: Supervision(
          services: programs.map(\.name),
          drainedFirst: Set(programs.filter(\.isDrainedFirst).map(\.name)))))
    (self.events, self.eventSource) = AsyncStream.makeStream()
    self.threads = NIOThreadPool(numberOfThreads: programs.count)
  }

  // MARK: what others ask

  package var services: [SupervisedService] {
    self.shared.withLock { $0.supervision.services }
  }

  package func service(_ name: String) -> SupervisedService? {
    self.shared.withLock { $0.supervision.service(name) }
  }

  /// Nothing runs any more, and nothing will.
  package var hasFinished: Bool { self.shared.withLock { $0.hasFinished } }

  /// Returns when the process of the service is made.
  package func start(_ name: String) async {
    await self.send { .start(name, waiter: $0) }
  }

  /// Returns when the process of the service is gone. It stays so until it is started.
  package func stop(_ name: String, kill: Bool) async {
    await self.send { .stop(name, kill: kill, waiter: $0) }
  }

  /// Ends all, in order; asked again, at once. `run()` returns afterwards.
  package func drain() {
    self.eventSource.yield(.drain)
  }

  private func send(_ event: (Int) -> Supervision.Event) async {
    await withCheckedContinuation { continuation in
      let waiter: Int? = self.shared.withLock { shared in
        guard !shared.hasFinished else { return nil }
        shared.lastWaiter += 1
        shared.waiters[shared.lastWaiter] = continuation
        return shared.lastWaiter
      }
      if let waiter {
        self.eventSource.yield(event(waiter))
      } else {
        continuation.resume()
      }
    }
  }

  // MARK: the loop

  /// Starts every program and supervises until ``drain()`` has ended them all.
  package func run() async {
    self.threads.start()
    await withDiscardingTaskGroup { group in
      for service in self.services {
        self.handle(.start(service.name, waiter: nil), &group)
      }
      for await event in self.events {
        self.handle(event, &group)
      }
      // Timers that nobody needs any more.
      group.cancelAll()
    }
    let waiters = self.shared.withLock { shared in
      shared.hasFinished = true
      defer { shared.waiters = [:] }
      return shared.waiters.values
    }
    for waiter in waiters {
      waiter.resume()
    }
    try? await self.threads.shutdownGracefully()
    try? await self.outputGroup.shutdownGracefully()
  }

  private func handle(_ event: Supervision.Event, _ group: inout DiscardingTaskGroup) {
    if case .exited(let name, let pid) = event { self.reap(name, pid) }
    let actions = self.shared.withLock {
      $0.supervision.handle(event, now: ContinuousClock.now)
    }
    if case .exited(let name, _) = event { self.logRestart(of: name) }
    for action in actions {
      self.perform(action, &group)
    }
  }

  private func perform(_ action: Supervision.Action, _ group: inout DiscardingTaskGroup) {
    switch action {
    case .spawn(let name): self.spawn(name, &group)
    case .terminate(let pid): self.child(pid)?.terminate()
    case .kill(let pid): self.child(pid)?.killNow()
    case .schedule(let timer, let time):
      group.addTask {
        try? await Task.sleep(until: time, clock: .continuous)
        self.eventSource.yield(.timer(timer))
      }
    case .answer(let waiter):
      self.shared.withLock { $0.waiters.removeValue(forKey: waiter) }?.resume()
    case .finish: self.eventSource.finish()
    }
  }

  private func child(_ pid: Int32) -> ChildProcess? {
    self.shared.withLock { $0.children[pid] }
  }

  private func spawn(_ name: String, _ group: inout DiscardingTaskGroup) {
    guard let program = self.programs[name] else { return }
    let child: ChildProcess
    do {
      child = try ChildProcess.spawn(self.executable, program.arguments)
    } catch {
      self.logger.error("\(error)", metadata: ["program": "\(name)"])
      return self.handle(.spawnFailed(name), &group)
    }
    if program.isInBackground { child.moveToBackground() }
    self.shared.withLock { $0.children[child.pid] = child }
    self.logger.debug("started", metadata: ["program": "\(name)", "pid": "\(child.pid)"])
    group.addTask { await self.watch(child, name) }
    self.handle(.spawned(name, pid: child.pid), &group)
  }

  /// Passes on what the child writes, and reports its end.
  private func watch(_ child: ChildProcess, _ name: String) async {
    let receive = self.receive
    let loop = self.outputGroup.next()
    let allRead = loop.makePromise(of: Void.self)
    do {
      let output = try await LineReader.read(child.output, on: loop) { receive(name, .output, $0) }
      let errors = try await LineReader.read(child.errors, on: loop) { receive(name, .errors, $0) }
      output.and(errors).map { _ in }.cascade(to: allRead)
    } catch {
      allRead.succeed()
      self.logger.error("cannot read the output: \(error)", metadata: ["program": "\(name)"])
    }
    // Only fails when the pool is shut down, which happens after all children have ended.
    try? await self.threads.runIfActive { child.blockUntilExit() }
    // Its last words are in the pipes; a process of its own that still holds them is not waited for.
    let enough = loop.scheduleTask(in: Self.lastWords) { allRead.succeed() }
    try? await allRead.futureResult.get()
    enough.cancel()
    self.eventSource.yield(.exited(name, pid: child.pid))
  }

  private func reap(_ name: String, _ pid: Int32) {
    guard let child = self.shared.withLock({ $0.children.removeValue(forKey: pid) }) else { return }
    child.closeInput()
    let exit = child.reap()
    let level: Logger.Level =
      if case .running = self.service(name)?.state { .warning } else { .debug }
    self.logger.log(
      level: level, "ended with \(exit)", metadata: ["program": "\(name)", "pid": "\(pid)"])
  }

  private func logRestart(of name: String) {
    guard let service = self.service(name), case .waiting(let time) = service.state else { return }
    let milliseconds = (time - ContinuousClock.now) / .milliseconds(1)
    self.logger.warning(
      "starts again in \(Int(milliseconds.rounded())) ms",
      metadata: ["program": "\(name)", "restarts": "\(service.restarts)"])
  }
}
