import AdaptorSupport
import Contracts
import EnrollmentCore
import FramedRPC
import Kernel

/// Lets FramedRPC drive the waiting room's port.
package struct WaitingRoomRPCAdaptor: EnrollmentV1.WaitingRoomServiceHandler {
  private let port: any WaitingRoomPort

  package init(port: any WaitingRoomPort) {
    self.port = port
  }

  package func takeTicket(
    _ request: EnrollmentV1.TakeTicketRequest, _ context: RPCContext
  ) async throws -> EnrollmentV1.TakeTicketResponse {
    try await answering {
      let taken = try await self.port.takeTicket(
        TakeTicket(student: request.student, courseID: CourseID(request.courseID)),
        by: Caller(context))
      return EnrollmentV1.TakeTicketResponse(
        ticket: EnrollmentV1.WaitingTicket(taken.standing), isNew: taken.isNew)
    }
  }

  package func getTicket(
    _ request: EnrollmentV1.GetTicketRequest, _ context: RPCContext
  ) async throws -> EnrollmentV1.GetTicketResponse {
    try await answering {
      EnrollmentV1.GetTicketResponse(
        ticket: EnrollmentV1.WaitingTicket(
          try await self.port.ticket(request.token, by: Caller(context))))
    }
  }

  package func leaveQueue(
    _ request: EnrollmentV1.LeaveQueueRequest, _ context: RPCContext
  ) async throws -> EnrollmentV1.LeaveQueueResponse {
    try await answering {
      try await self.port.leave(request.token, by: Caller(context))
      return EnrollmentV1.LeaveQueueResponse()
    }
  }

  package func getWaitingRoom(
    _ request: EnrollmentV1.GetWaitingRoomRequest, _ context: RPCContext
  ) async throws -> EnrollmentV1.GetWaitingRoomResponse {
    try await answering {
      EnrollmentV1.GetWaitingRoomResponse(try await self.port.status())
    }
  }
}
