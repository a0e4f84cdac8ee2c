import Contracts
import EnrollmentCore
import FramedRPC
import Kernel

extension EnrollmentV1.WaitingTicket {
  init(_ standing: WaitingStanding) {
    let ticket = standing.ticket
    self.init(
      token: ticket.token.value, student: ticket.student, courseID: ticket.courseID.value,
      state: ticket.state.rawValue, takenAtUs: ticket.takenAt.microseconds,
      turnExpiresAtUs: ticket.turnExpiresAt?.microseconds,
      position: Int64(standing.position ?? 0),
      estimatedWaitSeconds: Int64(standing.estimatedWaitSeconds ?? 0),
      retryAfterSeconds: Int64(standing.retryAfterSeconds ?? 0))
  }
}

extension WaitingStanding {
  /// - Throws: when the server sent what no ticket can be.
  init(_ message: EnrollmentV1.WaitingTicket) throws {
    guard let state = WaitingTicket.State(rawValue: message.state),
      let token = WaitingToken(message.token)
    else { throw RPCError(.internal, "'\(message.state)' is no state of a ticket with a token") }
    // Its number in the line and when it ended are the server's own business.
    let ticket = WaitingTicket(
      token: token, sequence: 0, student: message.student, courseID: CourseID(message.courseID),
      takenAt: Timestamp(microseconds: message.takenAtUs), state: state,
      turnExpiresAt: message.turnExpiresAtUs.map { Timestamp(microseconds: $0) })
    let waits = state == .waiting
    self.init(
      ticket: ticket, position: waits ? Int(message.position) : nil,
      estimatedWaitSeconds: waits ? Int(message.estimatedWaitSeconds) : nil,
      retryAfterSeconds: message.retryAfterSeconds > 0 ? Int(message.retryAfterSeconds) : nil)
  }
}

extension EnrollmentV1.GetWaitingRoomResponse {
  init(_ status: WaitingRoomStatus) {
    self.init(
      mode: status.mode.rawValue, waiting: Int64(status.waiting), turns: Int64(status.turns),
      registrations: Int64(status.registrations), limit: Int64(status.limit),
      admissionsPerSecond: status.admissionsPerSecond)
  }
}

extension WaitingRoomStatus {
  /// - Throws: when the server sent what no waiting room can be.
  init(_ message: EnrollmentV1.GetWaitingRoomResponse) throws {
    guard let mode = WaitingRoomPolicy.Mode(rawValue: message.mode) else {
      throw RPCError(.internal, "'\(message.mode)' is no mode of a waiting room")
    }
    self.init(
      mode: mode, waiting: Int(message.waiting), turns: Int(message.turns),
      registrations: Int(message.registrations), limit: Int(message.limit),
      admissionsPerSecond: message.admissionsPerSecond)
  }
}
