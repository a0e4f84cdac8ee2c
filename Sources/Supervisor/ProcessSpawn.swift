import Glibc
import Synchronization

/// Starts a program with three descriptors and nothing else of this process's but its environment.
///
/// Foundation's `Process` is not used: up to Swift 6.3 it reads beyond a directory entry while it
/// looks for open descriptors, which ends a process that has some 1,400 of them
/// (swiftlang/swift-corelibs-foundation#5472).
package struct ProcessSpawn: Sendable {
  /// A path; `PATH` is not searched.
  package var executable: String
  package var arguments: [String]
  /// Added to this process's own environment, and stronger.
  package var environment: [String: String]

  package init(_ executable: String, _ arguments: [String], environment: [String: String] = [:]) {
    self.executable = executable
    self.arguments = arguments
    self.environment = environment
  }

  /// Starts the program in a process group of its own: it gets none of the terminal's signals.
  ///
  /// - Parameters: descriptors that stay the caller's to close; two may be the same.
  /// - Returns: the process's id. It is the caller's to wait for.
  package func start(
    input: Int32, output: Int32, errors: Int32
  ) throws(ChildProcess.SpawnError) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO)
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
    posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO)
    for descriptor in Self.inheritableDescriptors() {
      posix_spawn_file_actions_addclose(&actions, descriptor)
    }

    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    Self.resetSignals(&attributes)

    var argv = Self.strings([self.executable] + self.arguments)
    defer { Self.free(argv) }
    var variables = Self.strings(self.variables)
    defer { Self.free(variables) }
    var pid: pid_t = 0
    let code = Self.making.withLock { _ in
      posix_spawn(&pid, self.executable, &actions, &attributes, &argv, &variables)
    }
    guard code == 0 else {
      throw ChildProcess.SpawnError(
        description: "cannot start \(self.executable): \(String(cString: strerror(code)))")
    }
    return pid
  }

  /// What this process was itself given by its parent and did not ask for: somebody may wait for the
  /// end of such a pipe, and a child would hold it open. (SwiftNIO, SQLite and this module open
  /// theirs with close-on-exec.)
  private static func inheritableDescriptors() -> [Int32] {
    (STDERR_FILENO + 1..<1024).filter { descriptor in
      let flags = fcntl(descriptor, F_GETFD)
      return flags >= 0 && flags & FD_CLOEXEC == 0
    }
  }

  /// Held while a process is started, and while a descriptor is made that no child may inherit:
  /// between making it and marking it close-on-exec a child would.
  static let making = Mutex(())

  /// `NAME=value`, as `exec` takes them.
  private var variables: [String] {
    var own: [String] = []
    var next = environ
    while let variable = next.pointee {
      own.append(String(cString: variable))
      next += 1
    }
    let inherited = own.filter { variable in
      !self.environment.keys.contains(String(variable.prefix { $0 != "=" }))
    }
    return inherited + self.environment.map { "\($0)=\($1)" }
  }

  /// The signal handling of a fresh process: this one may ignore some, and its threads may block
  /// some.
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

  private static func strings(_ texts: [String]) -> [UnsafeMutablePointer<CChar>?] {
    texts.map { strdup($0) } + [nil]
  }

  private static func free(_ strings: [UnsafeMutablePointer<CChar>?]) {
    for string in strings {
      Glibc.free(string)
    }
  }
}
