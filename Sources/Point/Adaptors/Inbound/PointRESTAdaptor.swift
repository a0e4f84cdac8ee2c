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
    let entries = HALParts<PostedPointEntry, PointKind>(
      "pointEntries", of: \.entry.pointID,
      fields: [
        "sequence": { .integer($0.sequence) },
        "classId": { .integer($0.entry.classID.value) },
        "kind": { .string($0.entry.kind.rawValue) },
        "points": { .integer($0.entry.points) },
        "at": { .string($0.at.rfc3339) },
      ])
    routes.resource(points) { resource in
      resource.list { page, request in try await port.points(page, by: request.caller) }
      resource.get { id, request in try await port.point(id, by: request.caller) }
      resource.search("findByClassId", by: "classId") { query, request in
        try await port.points(of: query.id("classId"), by: request.caller)
      }
      resource.pagedSearch("findEntriesByClassId", by: "classId", of: entries) {
        query, page, request in
        try await port.entries(of: query.id("classId"), page, by: request.caller)
      }
      resource.searchValue("balance", by: "student") { query, request in
        let student = try query.text("student")
        return [
          "student": .string(student),
          "cashpoint": .integer(try await port.balance(of: student, by: request.caller)),
        ]
      }
    }
  }
}
