import Kernel

/// What the waiting room refuses.
package enum WaitingRoomError: DomainError, Hashable {
  /// Others come first.
  ///
  /// - `position`: nil for who has no ticket.
  case wait(position: Int?, retryAfterSeconds: Int)
  /// Nobody has to wait, so there are no tickets.
  case closed
  case notFound(token: String)

  // What is wrong with the ticket that came with a registration:
  case ticketUnknown
  case ticketOfAnother
  case ticketOver(WaitingTicket.State)
  /// Another registration with the same turn is under way.
  case turnInUse

  /// The code of ``wait(position:retryAfterSeconds:)``.
  package static let waitCode = "waiting-room"
  /// The codes of what is wrong with a ticket begin so.
  package static let ticketCodePrefix = "waiting-ticket-"

  package var problem: Problem {
    switch self {
    case .wait(nil, let seconds): Self.wait("take a ticket of the waiting room first", seconds)
    case .wait(let position?, let seconds):
      Self.wait("the ticket waits at position \(position)", seconds)
    case .closed:
      .conflict(
        "waiting-room-closed", title: "Nobody has to wait",
        detail: "there are no tickets while the waiting room is off; register right away")
    case .notFound(let token): .notFound("waiting ticket", String(token.prefix(64)))
    case .ticketUnknown:
      .conflict(
        "waiting-ticket-unknown", title: "The waiting ticket is not known",
        detail: "there is no ticket with this token, or no longer; take another")
    case .ticketOfAnother:
      .conflict(
        "waiting-ticket-of-another", title: "The waiting ticket belongs to somebody else",
        detail: "the ticket was not taken for the student of this registration")
    case .ticketOver(let state): Self.over(state)
    case .turnInUse:
      Problem(
        .conflict, code: "waiting-ticket-in-use", title: "The turn is being used",
        detail: "another registration with this ticket is under way", retryAfterSeconds: 1)
    }
  }

  private static func wait(_ detail: String, _ seconds: Int) -> Problem {
    Problem(
      .tooMany, code: Self.waitCode, title: "Please wait for your turn", detail: detail,
      retryAfterSeconds: seconds)
  }

  private static func over(_ state: WaitingTicket.State) -> Problem {
    switch state {
    case .used:
      .conflict(
        "waiting-ticket-used", title: "The turn is used up",
        detail: "a class was registered with this ticket; take another")
    case .left:
      .conflict(
        "waiting-ticket-left", title: "The place in the line was given up",
        detail: "the ticket's holder has left; take another")
    case .waiting, .turn, .expired:
      .conflict(
        "waiting-ticket-expired", title: "The waiting ticket has expired",
        detail: "nobody asked for the ticket in time, or its turn was not used; take another")
    }
  }
}
