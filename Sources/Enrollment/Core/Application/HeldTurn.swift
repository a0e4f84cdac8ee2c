import Kernel
import Synchronization

/// The turn of the waiting room that a registration came with.
///
/// The class and the turn's use are one unit of work, so that no crash lets a turn be used twice or
/// be lost. A class that fails at once, because its payment is declined, gives the turn back in the
/// unit of work in which it fails; or nothing, when the student has given the place up meanwhile.
final class HeldTurn: Sendable {
  /// As it was when the registration was let in.
  let ticket: WaitingTicket
  private let used = Mutex(false)
  private let ended: @Sendable () -> WaitingTicket?

  /// - Parameter ended: The ticket, if its holder has given it up by now. It is asked while a unit of
  ///   work runs, and must not wait.
  init(_ ticket: WaitingTicket, ended: @escaping @Sendable () -> WaitingTicket? = { nil }) {
    self.ticket = ticket
    self.ended = ended
  }

  /// What the ticket is without the class.
  var returned: WaitingTicket { self.ended() ?? self.ticket }

  /// Whether it is used up, as far as is committed.
  var isUsed: Bool { self.used.withLock(\.self) }

  /// What was decided has been committed.
  func committed(isUsed: Bool) {
    self.used.withLock { $0 = isUsed }
  }
}
