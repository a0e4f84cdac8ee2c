import AdaptorSupport
import Contracts
import FramedRPC
import Kernel
import PointCore

/// Point's inbound port, answered by a point service over the wire.
package struct PointRPCClient: PointPort {
  private static let service = "point"

  private let client: PointV1.PointServiceClient
  private let timeout: Duration

  package init(_ channel: any RPCChannel, timeout: Duration = .seconds(3)) {
    self.client = PointV1.PointServiceClient(channel)
    self.timeout = timeout
  }

  package func point(_ id: PointID, by caller: Caller) async throws -> Point {
    try await asking(Self.service) {
      let answer = try await self.client.getPoint(
        PointV1.GetPointRequest(id: id.value), options: caller.options(timeout: self.timeout))
      return try Point(try required(answer.point, "point"))
    }
  }

  package func points(_ page: PageRequest, by caller: Caller) async throws -> Page<Point> {
    try await asking(Self.service) {
      let answer = try await self.client.listPoints(
        PointV1.ListPointsRequest(page: CommonV1.PageRequest(page)),
        options: caller.options(timeout: self.timeout))
      return Page(
        items: try answer.points.map { try Point($0) }, totalElements: Int(answer.total),
        request: page)
    }
  }

  package func points(of classID: ClassID, by caller: Caller) async throws -> [Point] {
    try await asking(Self.service) {
      try await self.client.findPoints(
        PointV1.FindPointsRequest(classID: classID.value),
        options: caller.options(timeout: self.timeout)
      ).points.map { try Point($0) }
    }
  }

  package func balance(of student: String, by caller: Caller) async throws -> Int64 {
    try await asking(Self.service) {
      try await self.client.getBalance(
        PointV1.GetBalanceRequest(student: student), options: caller.options(timeout: self.timeout)
      ).cashpoint
    }
  }

  package func entries(
    of classID: ClassID, _ page: PageRequest, by caller: Caller
  ) async throws -> Page<PostedPointEntry> {
    try await asking(Self.service) {
      let answer = try await self.client.findEntries(
        PointV1.FindEntriesRequest(classID: classID.value, page: CommonV1.PageRequest(page)),
        options: caller.options(timeout: self.timeout))
      return Page(
        items: try answer.entries.map { try PostedPointEntry($0) },
        totalElements: Int(answer.total), request: page)
    }
  }
}
