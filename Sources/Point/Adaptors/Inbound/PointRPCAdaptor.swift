import AdaptorSupport
import Contracts
import FramedRPC
import Kernel
import PointCore

/// Lets FramedRPC drive Point's port.
package struct PointRPCAdaptor: PointV1.PointServiceHandler {
  private let port: any PointPort

  package init(port: any PointPort) {
    self.port = port
  }

  package func getPoint(
    _ request: PointV1.GetPointRequest, _ context: RPCContext
  ) async throws -> PointV1.GetPointResponse {
    try await answering {
      let point = try await self.port.point(PointID(request.id), by: Caller(context))
      return PointV1.GetPointResponse(point: PointV1.Point(point))
    }
  }

  package func listPoints(
    _ request: PointV1.ListPointsRequest, _ context: RPCContext
  ) async throws -> PointV1.ListPointsResponse {
    try await answering {
      let page = try await self.port.points(PageRequest(request.page), by: Caller(context))
      return PointV1.ListPointsResponse(
        points: page.items.map(PointV1.Point.init), total: Int64(page.totalElements))
    }
  }

  package func findPoints(
    _ request: PointV1.FindPointsRequest, _ context: RPCContext
  ) async throws -> PointV1.FindPointsResponse {
    try await answering {
      let points = try await self.port.points(of: ClassID(request.classID), by: Caller(context))
      return PointV1.FindPointsResponse(points: points.map(PointV1.Point.init))
    }
  }

  package func getBalance(
    _ request: PointV1.GetBalanceRequest, _ context: RPCContext
  ) async throws -> PointV1.GetBalanceResponse {
    try await answering {
      PointV1.GetBalanceResponse(
        cashpoint: try await self.port.balance(of: request.student, by: Caller(context)))
    }
  }

  package func findEntries(
    _ request: PointV1.FindEntriesRequest, _ context: RPCContext
  ) async throws -> PointV1.FindEntriesResponse {
    try await answering {
      let page = try await self.port.entries(
        of: ClassID(request.classID), PageRequest(request.page), by: Caller(context))
      return PointV1.FindEntriesResponse(
        entries: page.items.map(PointV1.PointEntry.init), total: Int64(page.totalElements))
    }
  }
}
