import JSON
import Kernel
import PointCore
import RESTSupport

/// `/points`: to be read only; points come and go with payments (trap T23).
package struct PointRESTAdaptor: RESTAdaptor {
  private let port: any PointPort
  private let links: Links

  package init(port: any PointPort, links: Links) {
    self.port = port
    self.links = links
  }

  package func addRoutes(to routes: Routes) {
    let port = self.port
    let points = HALResource<Point, PointKind>(
      "points", item: "point", links: self.links, id: \.id,
      fields: [
        "classId": { .integer($0.paid.classID.value) },
        "fee": { .integer($0.paid.fee.won) },
        "student": { .string($0.paid.student) },
        "cashpoint": { .integer($0.cashpoint) },
      ])
    routes.resource(points) { resource in
      resource.list { page, _ in try await port.points(page) }
      resource.get { id, _ in try await port.point(id) }
      resource.search("findByClassId", by: "classId") { query, _ in
        try await port.points(of: query.id("classId"))
      }
    }
  }
}
