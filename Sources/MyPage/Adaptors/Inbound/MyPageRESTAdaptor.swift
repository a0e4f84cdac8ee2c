import JSON
import Kernel
import MyPageCore
import RESTSupport

/// `/inquiryMypages`: a view, to be read only (trap T23). What no source has told yet is null.
package struct MyPageRESTAdaptor: RESTAdaptor {
  private let port: any MyPagePort
  private let links: Links

  package init(port: any MyPagePort, links: Links) {
    self.port = port
    self.links = links
  }

  package func addRoutes(to routes: Routes) {
    let port = self.port
    let rows = HALResource<InquiryMypage, InquiryMypageKind>(
      "inquiryMypages", item: "inquiryMypage", links: self.links, id: \.id,
      fields: [
        "classId": { .integer($0.classID.value) },
        "courseId": { Self.integer($0.terms?.courseID.value) },
        "paymentId": { Self.integer($0.paymentID?.value) },
        "fee": { Self.integer($0.terms?.fee.won) },
        "textBook": { Self.string($0.textBook) },
        "student": { Self.string($0.terms?.student) },
        "status": { Self.string($0.status?.rawValue) },
        "paymentStatus": { Self.string($0.paymentStatus?.rawValue) },
        "deliveryStatus": { Self.string($0.deliveryStatus?.rawValue) },
        "pointStatus": { Self.string($0.pointStatus?.rawValue) },
        "cashpoint": { Self.integer($0.cashpoint) },
        "giftstock": { Self.integer($0.giftstock.map(Int64.init)) },
      ])
    routes.resource(rows) { resource in
      resource.list { page, request in try await port.rows(page, by: request.caller) }
      resource.get { id, request in try await port.row(id, by: request.caller) }
      resource.search("findByClassId", by: "classId") { query, request in
        try await port.rows(of: query.id("classId"), by: request.caller)
      }
      resource.search("findByPaymentId", by: "paymentId") { query, request in
        try await port.rows(ofPayment: query.id("paymentId"), by: request.caller)
      }
      resource.pagedSearch("findByStudent", by: "student") { query, page, request in
        try await port.rows(ofStudent: query.text("student"), page, by: request.caller)
      }
    }
  }

  private static func integer(_ value: Int64?) -> JSONValue { value.map { .integer($0) } ?? .null }

  private static func string(_ value: String?) -> JSONValue { value.map { .string($0) } ?? .null }
}
