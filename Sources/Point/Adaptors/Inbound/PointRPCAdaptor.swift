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
      let point = try await self.port.point(PointID(request.id))
      return PointV1.GetPointResponse(point: PointV1.Point(point))
    }
  }

  package func listPoints(
    _ request: PointV1.ListPointsRequest, _ context: RPCContext
  ) async throws -> PointV1.ListPointsResponse {
    try await answering {
      let page = try await self.port.points(PageRequest(request.page))
      return PointV1.ListPointsResponse(
        points: page.items.map(PointV1.Point.init), total: Int64(page.totalElements))
    }
  }

  package func findPoints(
    _ request: PointV1.FindPointsRequest, _ context: RPCContext
  ) async throws -> PointV1.FindPointsResponse {
    try await answering {
      let points = try await self.port.points(of: ClassID(request.classID))
      return PointV1.FindPointsResponse(points: points.map(PointV1.Point.init))
    }
  }
}
