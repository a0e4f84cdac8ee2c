import Glibc
import Synchronization

/// A process that this one started, held by three pipes.
///
/// It shares neither the terminal's signals (it leads a process group of its own) nor any other
/// descriptor: SwiftNIO, SQLite and this file open theirs with close-on-exec. Its stdin closes when this process is gone, however that came about.
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

  /// One child at a time: between making a pipe and marking it close-on-exec another would inherit
  /// it, and then keep it open.
  private static let spawning = Mutex(())

  /// Starts `executable`, with this process's environment.
  package static func spawn(
    _ executable: String, _ arguments: [String]
  ) throws(SpawnError) -> ChildProcess {
    try self.spawning.withLock { _ throws(SpawnError) in
      try self.spawnAlone(executable, arguments)
    }
  }

  private static func spawnAlone(
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
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, input.readEnd, STDIN_FILENO)
    posix_spawn_file_actions_adddup2(&actions, output.writeEnd, STDOUT_FILENO)
    posix_spawn_file_actions_adddup2(&actions, errors.writeEnd, STDERR_FILENO)
    for descriptor in self.inheritableDescriptors() {
      posix_spawn_file_actions_addclose(&actions, descriptor)
    }

    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    self.resetSignals(&attributes)

    var pid: pid_t = 0
    var argv = ([executable] + arguments).map { strdup($0) } + [nil]
    defer {
      for argument in argv {
        free(argument)
      }
    }
    let code = posix_spawn(&pid, executable, &actions, &attributes, &argv, environ)
    guard code == 0 else {
      input.closeWriteEnd()
      output.closeReadEnd()
      errors.closeReadEnd()
      throw SpawnError(
        description: "cannot start \(executable): \(String(cString: strerror(code)))")
    }
    return ChildProcess(
      pid: pid, input: input.writeEnd, output: output.readEnd, errors: errors.readEnd)
  }

  /// What this process was itself given by its parent and did not ask for: somebody may wait for the
  /// end of such a pipe, and a child would hold it open.
  private static func inheritableDescriptors() -> [Int32] {
    (3..<1024).filter { descriptor in
      let flags = fcntl(descriptor, F_GETFD)
      return flags >= 0 && flags & FD_CLOEXEC == 0
    }
  }

  /// A group of its own, and the signal handling of a fresh process: this one may ignore some.
  private static func resetSignals(_ attributes: inout posix_spawnattr_t) {
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    for signal in [SIGINT, SIGTERM, SIGPIPE, SIGHUP, SIGQUIT] {
      sigaddset(&signals, signal)
    }
    posix_spawnattr_setsigdefault(&attributes, &signals)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(
      &attributes,
      Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
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
    var status: Int32 = 0
    while waitpid(self.pid, &status, 0) == -1 && errno == EINTR {}
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
    guard pipe(&ends) == 0 else {
      throw ChildProcess.SpawnError(
        description: "cannot make a pipe: \(String(cString: strerror(errno)))")
    }
    for end in ends {
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
    }
    self.readEnd = ends[0]
    self.writeEnd = ends[1]
  }

  func closeReadEnd() { close(self.readEnd) }
  func closeWriteEnd() { close(self.writeEnd) }
}
