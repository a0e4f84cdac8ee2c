import Logging
import Supervisor
import Testing

/// The lines that children wrote, in order.
private struct Lines: Sendable {
  let stream: AsyncStream<String>
  let continuation: AsyncStream<String>.Continuation

  init() {
    (self.stream, self.continuation) = AsyncStream.makeStream()
  }
}

@Suite("Supervising real processes", .timeLimit(.minutes(1)))
struct SupervisorProcessTests {
  private func supervisor(_ script: String, _ lines: Lines) -> Supervisor {
    Supervisor(
      programs: [.init(name: "shell", arguments: ["-c", script])], executable: "/bin/sh",
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    ) { _, _, line in lines.continuation.yield(line) }
  }

  @Test("a service is stopped, started again, and all ends by draining")
  func stopAndStart() async throws {
    let lines = Lines()
    let supervisor = self.supervisor("echo started; exec cat", lines)
    var iterator = lines.stream.makeAsyncIterator()
    async let run: Void = supervisor.run()
    #expect(await iterator.next() == "started")
    await supervisor.stop("shell", kill: false)
    #expect(supervisor.service("shell")?.state == .stopped)
    await supervisor.start("shell")
    #expect(supervisor.service("shell")?.stateInWords == "running")
    #expect(await iterator.next() == "started")
    supervisor.drain()
    await run
    #expect(supervisor.hasFinished)
    #expect(supervisor.service("shell")?.restarts == 0)
  }

  @Test("a service that ends is started again, and its last words are not lost")
  func restart() async throws {
    let lines = Lines()
    let supervisor = self.supervisor("printf 'out\\n'; printf last >&2; exit 3", lines)
    var iterator = lines.stream.makeAsyncIterator()
    async let run: Void = supervisor.run()
    var seen: [String] = []
    while seen.count < 4, let line = await iterator.next() {
      seen.append(line)
    }
    #expect(Set(seen) == ["out", "last"])
    supervisor.drain()
    await run
    #expect(try #require(supervisor.service("shell")).restarts >= 1)
  }

  @Test("who asks after the end is answered at once")
  func afterTheEnd() async {
    let supervisor = self.supervisor("exec cat", Lines())
    async let run: Void = supervisor.run()
    supervisor.drain()
    await run
    await supervisor.start("shell")
    #expect(supervisor.service("shell")?.state == .stopped)
  }
}

@Suite("A child process", .timeLimit(.minutes(1)))
struct ChildProcessTests {
  @Test("leaves when its stdin is closed, and says how it ended")
  func closedInput() throws {
    let child = try ChildProcess.spawn("/bin/sh", ["-c", "cat; exit 7"])
    child.closeInput()
    child.blockUntilExit()
    #expect(child.reap() == .code(7))
  }

  @Test("in the background it yields to others, with all that it starts", arguments: [true, false])
  func background(isInBackground: Bool) throws {
    // The 41st value of /proc/PID/stat is the scheduling policy; 5 is SCHED_IDLE.
    let child = try ChildProcess.spawn(
      "/bin/sh", ["-c", "read go; exit $(cut -d' ' -f41 </proc/self/stat)"])
    if isInBackground { child.moveToBackground() }
    child.closeInput()
    child.blockUntilExit()
    #expect(child.reap() == .code(isInBackground ? 5 : 0))
  }

  @Test("reports the signal that ended it")
  func signal() throws {
    let child = try ChildProcess.spawn("/bin/sh", ["-c", "exec cat"])
    child.killNow()
    child.blockUntilExit()
    #expect(child.reap() == .signal(9))
  }

  @Test("that cannot be started is an error which names it")
  func missing() {
    #expect {
      try ChildProcess.spawn("/nonexistent/program", [])
    } throws: { error in
      "\(error)".contains("/nonexistent/program")
    }
  }
}
