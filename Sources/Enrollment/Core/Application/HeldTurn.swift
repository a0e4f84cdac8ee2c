import Kernel
import Synchronization

/// The turn of the waiting room that a registration came with.
///
/// The class and the turn's use are one unit of work, so that no crash lets a turn be used twice or
/// be lost. A class that fails at once, because its payment is declined, gives the turn back in the
/// unit of work in which it fails.
final class HeldTurn: Sendable {
  let ticket: WaitingTicket
  private let used = Mutex(false)

  init(_ ticket: WaitingTicket) {
    self.ticket = ticket
  }

  /// Whether it is used up, as far as is committed.
  var isUsed: Bool { self.used.withLock(\.self) }

  /// What was decided has been committed.
  func committed(isUsed: Bool) {
    self.used.withLock { $0 = isUsed }
  }
}
