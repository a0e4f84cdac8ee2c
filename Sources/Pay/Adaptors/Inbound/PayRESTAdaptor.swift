import JSON
import Kernel
import PayCore
import RESTSupport

/// `/payments`: to be read only; money moves when a class is registered or canceled (traps T23,
/// T24).
package struct PayRESTAdaptor: RESTAdaptor {
  private let port: any PayPort
  private let links: Links

  package init(port: any PayPort, links: Links) {
    self.port = port
    self.links = links
  }

  package func addRoutes(to routes: Routes) {
    let port = self.port
    let payments = HALResource<Payment, PaymentKind>(
      "payments", item: "payment", links: self.links, id: \.id,
      fields: [
        "classId": { .integer($0.classID.value) },
        "courseId": { .integer($0.courseID.value) },
        "fee": { .integer($0.fee.won) },
        "student": { .string($0.student) },
        "status": { .string($0.status.rawValue) },
        "textBook": { .string($0.textBook) },
      ])
    routes.resource(payments) { resource in
      resource.list { page, request in try await port.payments(page, by: request.caller) }
      resource.get { id, request in try await port.payment(id, by: request.caller) }
      resource.search("findByClassId", by: "classId") { query, request in
        try await port.payments(of: query.id("classId"), by: request.caller)
      }
    }
  }
}
