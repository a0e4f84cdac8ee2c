import JSON
import RESTSupport

/// `/`: where everything is, so that a client needs to know one address only.
package struct IndexRESTAdaptor: RESTAdaptor {
  static let collections = [
    "courses", "classes", "payments", "deliveries", "points", "gifts", "inquiryMypages", "alerts",
    "waitlist",
  ]

  private let links: Links

  package init(links: Links) {
    self.links = links
  }

  package func addRoutes(to routes: Routes) {
    // Made for each request: the links may be known late.
    routes.on(.get, "/", isPublic: true) { _ in .hal(self.index) }
  }

  private var index: JSONValue {
    var index = JSONObject()
    for collection in Self.collections {
      index.append(
        collection,
        [
          "href": .string(self.links.href(collection) + "{?page,size,sort}"), "templated": true,
        ])
    }
    index.append("waitingRoom", ["href": .string(self.links.href("waiting-room"))])
    return ["_links": .object(index)]
  }
}
