/// What the supervisor knows of one service.
package struct SupervisedService: Hashable, Sendable {
  package typealias Instant = ContinuousClock.Instant

  package enum State: Hashable, Sendable {
    /// Stays so until somebody starts it.
    case stopped
    /// The process is being made.
    case spawning
    case running(pid: Int32, since: Instant)
    /// Asked to leave; `startsAgain` when somebody wants it back afterwards.
    case stopping(pid: Int32, startsAgain: Bool)
    /// Ended by itself; will be started again.
    case waiting(until: Instant)
  }

  package let name: String
  package internal(set) var state: State = .stopped
  /// How often it ended by itself and was or will be started again.
  package internal(set) var restarts = 0
  var backoff = Backoff()
  /// Who waits until it is gone, and who until it is there.
  var stopWaiters: [Int] = []
  var startWaiters: [Int] = []

  package init(name: String) {
    self.name = name
  }

  package var pid: Int32? {
    switch self.state {
    case .running(let pid, _), .stopping(let pid, _): pid
    case .stopped, .spawning, .waiting: nil
    }
  }

  /// One word for people and for the wire.
  package var stateInWords: String {
    switch self.state {
    case .stopped: "stopped"
    case .spawning: "starting"
    case .running: "running"
    case .stopping: "stopping"
    case .waiting: "waiting"
    }
  }
}
