/// Collects what a server offers; filled at start-up, then turned into a ``RouteTable``.
package final class Routes {
  package typealias Handler = @Sendable (RESTRequest) async throws -> RESTResponse

  private var table = RouteTable()

  package init() {}

  package init(_ adaptors: [any RESTAdaptor]) {
    for adaptor in adaptors { self.add(adaptor) }
  }

  package func add(_ adaptor: any RESTAdaptor) {
    adaptor.addRoutes(to: self)
  }

  /// - Parameter pattern: `/courses/{id}`; to offer the same verb twice is a programming error.
  package func on(_ verb: HTTPVerb, _ pattern: String, _ handler: @escaping Handler) {
    self.table.add(verb, pattern, handler)
  }

  /// Offers a resource with the verbs that `declare` lists; every other verb is a 405.
  package func resource<Item, Kind>(
    _ resource: HALResource<Item, Kind>,
    _ declare: (inout ResourceRoutes<Item, Kind>) -> Void
  ) {
    var routes = ResourceRoutes(resource)
    declare(&routes)
    routes.add(to: self)
  }

  package var finished: RouteTable { self.table }
}
