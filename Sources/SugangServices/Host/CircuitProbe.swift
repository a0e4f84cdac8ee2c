import Contracts
import FramedRPC
import Kernel
import Logging
import Synchronization

/// Asks a dependency behind an open circuit for its health, until it answers: then the circuit
/// closes.
enum CircuitProbe {
  /// How often it is looked whether a circuit is open.
  static let interval = Duration.milliseconds(250)
  /// How long an answer may take: a dependency that is slower is not back.
  static let timeout = Duration.milliseconds(400)

  static func loop(
    to name: String, _ channel: GuardedChannel, logger: Logger
  ) -> RecoveryLoop {
    let wasOpen = Mutex(false)
    return RecoveryLoop("probe \(name)", every: self.interval, logger: logger) {
      let isOpen = channel.circuit != .closed
      if wasOpen.withLock({ exchange(&$0, with: isOpen) }) != isOpen {
        logger.notice(
          isOpen ? "circuit opened" : "circuit closed", metadata: ["dependency": "\(name)"])
      }
      guard isOpen else { return Settlement(settled: 0, remaining: 0) }
      do {
        _ = try await FramedrpcV1.HealthServiceClient(channel).check(
          FramedrpcV1.CheckRequest(), options: CallOptions(timeout: self.timeout))
      } catch {
        // Not back yet, or not time to ask.
        return Settlement(settled: 0, remaining: 0)
      }
      // At once again: the circuit wants several answers.
      return Settlement(settled: 1, remaining: 0)
    }
  }
}
