import AdaptorSupport
import Contracts
import EnrollmentCore
import FramedRPC
import Kernel

/// The waiting room's port, answered by a class service over the wire.
package struct WaitingRoomRPCClient: WaitingRoomPort {
  private static let service = "class"

  private let client: EnrollmentV1.WaitingRoomServiceClient
  private let timeout: Duration

  package init(_ channel: any RPCChannel, timeout: Duration = .seconds(3)) {
    self.client = EnrollmentV1.WaitingRoomServiceClient(channel)
    self.timeout = timeout
  }

  private var options: CallOptions { CallOptions(timeout: self.timeout) }

  package func takeTicket(_ wish: TakeTicket, by caller: Caller) async throws -> TakenTicket {
    let request = EnrollmentV1.TakeTicketRequest(
      student: wish.student, courseID: wish.courseID.value)
    return try await asking(Self.service) {
      let answer = try await self.client.takeTicket(
        request, options: caller.options(timeout: self.timeout))
      return TakenTicket(
        standing: try WaitingStanding(try required(answer.ticket, "ticket")),
        isNew: answer.isNew)
    }
  }

  package func ticket(_ token: String, by caller: Caller) async throws -> WaitingStanding {
    try await asking(Self.service) {
      let answer = try await self.client.getTicket(
        EnrollmentV1.GetTicketRequest(token: token), options: caller.options(timeout: self.timeout))
      return try WaitingStanding(try required(answer.ticket, "ticket"))
    }
  }

  package func leave(_ token: String, by caller: Caller) async throws {
    _ = try await asking(Self.service) {
      try await self.client.leaveQueue(
        EnrollmentV1.LeaveQueueRequest(token: token),
        options: caller.options(timeout: self.timeout))
    }
  }

  package func status() async throws -> WaitingRoomStatus {
    try await asking(Self.service) {
      try WaitingRoomStatus(
        try await self.client.getWaitingRoom(
          EnrollmentV1.GetWaitingRoomRequest(), options: self.options))
    }
  }
}
