/// Collects what a server offers; filled at start-up, then turned into a ``RouteTable``.
package final class Routes {
  package typealias Handler = @Sendable (RESTRequest) async throws -> RESTResponse
  /// Words what is refused before the handler sees the request: a body that is too large, a request
  /// that is one too many.
  package typealias Refusal = @Sendable (HTTPProblem) -> RESTResponse

  private var table = RouteTable()

  package init() {}

  package init(_ adaptors: [any RESTAdaptor]) {
    for adaptor in adaptors { self.add(adaptor) }
  }

  package func add(_ adaptor: any RESTAdaptor) {
    adaptor.addRoutes(to: self)
  }

  /// - Parameters:
  ///   - pattern: `/courses/{id}`; to offer the same verb twice is a programming error.
  ///   - isExempt: served however much there is to do: for probes and operators.
  ///   - isPublic: served whoever asks: what has nobody's data.
  ///   - refusing: for routes whose clients expect something else than a problem of RFC 9457.
  package func on(
    _ verb: HTTPVerb, _ pattern: String, isExempt: Bool = false, isPublic: Bool = false,
    refusing: Refusal? = nil,
    _ handler: @escaping Handler
  ) {
    self.table.add(verb, pattern, handler, refusing, isExempt: isExempt, isPublic: isPublic)
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

  /// What the routes are numbered up to, those that are there by now.
  package var count: Int { self.table.count }
}
