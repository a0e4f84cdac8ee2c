import Glibc
import Synchronization

/// A process that this one started, held by three pipes.
///
/// It shares neither the terminal's signals nor any other descriptor. Its stdin closes when this
/// process is gone, however that came about.
package struct ChildProcess: Sendable {
  package let pid: Int32
  /// The other end of its stdin; closing it asks the child to leave.
  package let input: Int32
  /// Its stdout and stderr; whoever reads them closes them.
  package let output: Int32
  package let errors: Int32

  /// Why a process could not be started.
  package struct SpawnError: Error, CustomStringConvertible {
    package let description: String
  }

  /// How a process ended.
  package enum Exit: Hashable, Sendable, CustomStringConvertible {
    case code(Int32)
    case signal(Int32)

    package var description: String {
      switch self {
      case .code(let code): "exit code \(code)"
      case .signal(let number): "signal \(number)"
      }
    }
  }

  /// This process's own executable.
  package static func ownExecutable() -> String {
    guard let path = realpath("/proc/self/exe", nil) else { return CommandLine.arguments[0] }
    defer { free(path) }
    return String(cString: path)
  }

  /// Starts `executable`, with this process's environment.
  package static func spawn(
    _ executable: String, _ arguments: [String]
  ) throws(SpawnError) -> ChildProcess {
    let input = try Pipe()
    let output = try Pipe()
    let errors = try Pipe()
    // The child's ends are its own from now on; only ours outlive this function.
    defer {
      input.closeReadEnd()
      output.closeWriteEnd()
      errors.closeWriteEnd()
    }
    do {
      let pid = try ProcessSpawn(executable, arguments).start(
        input: input.readEnd, output: output.writeEnd, errors: errors.writeEnd)
      return ChildProcess(
        pid: pid, input: input.writeEnd, output: output.readEnd, errors: errors.readEnd)
    } catch {
      input.closeWriteEnd()
      output.closeReadEnd()
      errors.closeReadEnd()
      throw error
    }
  }

  /// `SCHED_IDLE` of `linux/sched.h`, which glibc's module for Swift leaves out.
  private static let idlePolicy: Int32 = 5

  /// Leaves it the processor time that others do not want, and a little more. For a child just
  /// started: it has one thread, from which the later ones inherit that. (glibc's `posix_spawn`
  /// knows no such policy, and a nice value would not last: libdispatch gives its threads their
  /// own.)
  package func moveToBackground() {
    var priority = sched_param(sched_priority: 0)
    sched_setscheduler(self.pid, Self.idlePolicy, &priority)
  }

  package func terminate() {
    kill(self.pid, SIGTERM)
  }

  package func killNow() {
    kill(self.pid, SIGKILL)
  }

  package func closeInput() {
    close(self.input)
  }

  /// Blocks this thread until the process has ended, but leaves its id taken: it cannot become
  /// another process's before ``reap()``.
  package func blockUntilExit() {
    var info = siginfo_t()
    while waitid(P_PID, id_t(self.pid), &info, WEXITED | WNOWAIT) == -1 && errno == EINTR {}
  }

  /// Takes the ended process off the system's list; no signal may be sent afterwards.
  @discardableResult
  package func reap() -> Exit {
    // Its own child, so that there always is an end to wait for.
    Exit.take(of: self.pid, waiting: true) ?? .code(0)
  }
}

extension ChildProcess.Exit {
  /// Takes an ended child process off the system's list.
  ///
  /// - Returns: nil when it still runs and nobody is `waiting` for its end.
  package static func take(of pid: pid_t, waiting: Bool) -> ChildProcess.Exit? {
    var status: Int32 = 0
    var taken: pid_t
    repeat {
      taken = waitpid(pid, &status, waiting ? 0 : WNOHANG)
    } while taken == -1 && errno == EINTR
    guard taken == pid else { return nil }
    // wait(2): the low seven bits are the signal that ended the process, or 0.
    let signal = status & 0x7F
    return signal == 0 ? .code(status >> 8 & 0xFF) : .signal(signal)
  }
}

/// Both ends of a pipe; neither is inherited by accident.
private struct Pipe {
  let readEnd: Int32
  let writeEnd: Int32

  init() throws(ChildProcess.SpawnError) {
    var ends: [Int32] = [0, 0]
    let isMade = ProcessSpawn.making.withLock { _ in
      guard pipe(&ends) == 0 else { return false }
      for end in ends {
        _ = fcntl(end, F_SETFD, FD_CLOEXEC)
      }
      return true
    }
    guard isMade else {
      throw ChildProcess.SpawnError(
        description: "cannot make a pipe: \(String(cString: strerror(errno)))")
    }
    self.readEnd = ends[0]
    self.writeEnd = ends[1]
  }

  func closeReadEnd() { close(self.readEnd) }
  func closeWriteEnd() { close(self.writeEnd) }
}
