import GiftCore
import JSON
import Kernel
import RESTSupport

/// `/gifts`: to be read only; the seed gave gifts on a GET (traps T23, T25).
package struct GiftRESTAdaptor: RESTAdaptor {
  private let port: any GiftPort
  private let links: Links

  package init(port: any GiftPort, links: Links) {
    self.port = port
    self.links = links
  }

  package func addRoutes(to routes: Routes) {
    let port = self.port
    let gifts = HALResource<Gift, GiftKind>(
      "gifts", item: "gift", links: self.links, id: \.id,
      fields: [
        "classId": { .integer($0.classID.value) },
        "fee": { .integer($0.fee.won) },
        "student": { .string($0.student) },
        "giftstock": { .integer(Int64($0.giftstock)) },
      ])
    let entries = HALParts<PostedGiftEntry, GiftKind>(
      "giftEntries", of: \.entry.giftID,
      fields: [
        "sequence": { .integer($0.sequence) },
        "classId": { .integer($0.entry.classID.value) },
        "kind": { .string($0.entry.kind.rawValue) },
        "gifts": { .integer(Int64($0.entry.gifts)) },
        "at": { .string($0.at.rfc3339) },
      ])
    routes.resource(gifts) { resource in
      resource.list { page, request in try await port.gifts(page, by: request.caller) }
      resource.get { id, request in try await port.gift(id, by: request.caller) }
      resource.searchOne("findByClassId", by: "classId") { query, request in
        try await port.gift(of: query.id("classId"), by: request.caller)
      }
      resource.pagedSearch("findEntriesByClassId", by: "classId", of: entries) {
        query, page, request in
        try await port.entries(of: query.id("classId"), page, by: request.caller)
      }
      resource.searchValue("balance", by: "student") { query, request in
        let student = try query.text("student")
        return [
          "student": .string(student),
          "giftstock": .integer(try await port.balance(of: student, by: request.caller)),
        ]
      }
    }
  }
}
