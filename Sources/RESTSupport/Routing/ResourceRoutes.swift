import JSON
import Kernel

/// The verbs and searches that a resource offers, listed by its adaptor.
package struct ResourceRoutes<Item: Sendable, Kind> {
  package typealias ID = Identifier<Kind>

  private typealias Route = (verb: HTTPVerb, path: String, handler: Routes.Handler)

  private let resource: HALResource<Item, Kind>
  private var routes: [Route] = []
  private var searches: [(name: String, parameters: [String])] = []
  private var list: (@Sendable (PageRequest, RESTRequest) async throws -> Page<Item>)?

  init(_ resource: HALResource<Item, Kind>) {
    self.resource = resource
  }

  // MARK: The collection

  /// GET of the collection, page by page.
  package mutating func list(
    _ load: @escaping @Sendable (PageRequest, RESTRequest) async throws -> Page<Item>
  ) {
    self.list = load
  }

  /// POST that makes something at once: 201 with `Location`.
  package mutating func create(_ make: @escaping @Sendable (RESTRequest) async throws -> Item) {
    let resource = self.resource
    self.post { resource.created(try await make($0)) }
  }

  /// POST that answers for itself.
  package mutating func post(_ handler: @escaping Routes.Handler) {
    self.routes.append((.post, "", handler))
  }

  // MARK: One item

  /// GET of one; nil is a 404.
  package mutating func get(
    _ load: @escaping @Sendable (ID, RESTRequest) async throws -> Item?
  ) {
    let resource = self.resource
    self.onItem(.get) { id, request in
      guard let item = try await load(id, request) else {
        throw Problem.notFound(resource.item, String(id.value))
      }
      return resource.ok(item)
    }
  }

  /// PUT: all fields are sent.
  package mutating func replace(
    _ change: @escaping @Sendable (ID, RESTRequest) async throws -> Item
  ) {
    let resource = self.resource
    self.onItem(.put) { resource.ok(try await change($0, $1)) }
  }

  /// PATCH: the fields that are sent change.
  package mutating func modify(
    _ change: @escaping @Sendable (ID, RESTRequest) async throws -> Item
  ) {
    let resource = self.resource
    self.onItem(.patch) { resource.ok(try await change($0, $1)) }
  }

  /// DELETE: 204 without a body.
  package mutating func delete(
    _ remove: @escaping @Sendable (ID, RESTRequest) async throws -> Void
  ) {
    self.onItem(.delete) {
      try await remove($0, $1)
      return .noContent
    }
  }

  private mutating func onItem(
    _ verb: HTTPVerb, _ handler: @escaping @Sendable (ID, RESTRequest) async throws -> RESTResponse
  ) {
    let what = self.resource.item
    self.routes.append((verb, "/{id}", { try await handler($0.pathID(of: what), $0) }))
  }

  // MARK: Searches

  /// A search that answers everything it finds.
  package mutating func search(
    _ name: String, by parameters: String...,
    find: @escaping @Sendable (QueryParameters, RESTRequest) async throws -> [Item]
  ) {
    let resource = self.resource
    self.addSearch(name, parameters) { query, request in
      let place = try HALPlace(search: name, parameters, query)
      return .hal(resource.list(try await find(query, request), at: place))
    }
  }

  /// A search that answers page by page.
  package mutating func pagedSearch(
    _ name: String, by parameters: String...,
    find:
      @escaping @Sendable (QueryParameters, PageRequest, RESTRequest) async throws -> Page<
        Item
      >
  ) {
    let resource = self.resource
    self.addSearch(name, parameters) { query, request in
      let page = try query.page(sortable: resource.sortable)
      let place = try HALPlace(search: name, parameters, query, page)
      let found = try await find(query, page, request)
      return .hal(resource.page(found, at: place, hasSearches: false))
    }
  }

  /// A search that answers the one thing it finds, or 404.
  package mutating func searchOne(
    _ name: String, by parameters: String...,
    find: @escaping @Sendable (QueryParameters, RESTRequest) async throws -> Item?
  ) {
    let resource = self.resource
    self.addSearch(name, parameters) { query, request in
      guard let item = try await find(query, request) else {
        throw Problem.notFound(resource.item, "found by " + parameters.joined(separator: ", "))
      }
      return resource.ok(item)
    }
  }

  /// A search that answers, page by page, what belongs to items of the collection.
  package mutating func pagedSearch<Part: Sendable>(
    _ name: String, by parameters: String..., of parts: HALParts<Part, Kind>,
    find:
      @escaping @Sendable (QueryParameters, PageRequest, RESTRequest) async throws -> Page<
        Part
      >
  ) {
    let resource = self.resource
    self.addSearch(name, parameters) { query, request in
      let page = try query.page(sortable: parts.sortable)
      let place = try HALPlace(search: name, parameters, query, page)
      return .hal(resource.page(try await find(query, page, request), of: parts, at: place))
    }
  }

  /// A search that answers something that is no item of the collection: its fields.
  package mutating func searchValue(
    _ name: String, by parameters: String...,
    find: @escaping @Sendable (QueryParameters, RESTRequest) async throws -> JSONObject
  ) {
    let resource = self.resource
    self.addSearch(name, parameters) { query, request in
      let place = try HALPlace(search: name, parameters, query)
      return .hal(resource.value(try await find(query, request), at: place))
    }
  }

  private mutating func addSearch(
    _ name: String, _ parameters: [String],
    _ handler: @escaping @Sendable (QueryParameters, RESTRequest) async throws -> RESTResponse
  ) {
    self.searches.append((name, parameters))
    self.routes.append((.get, "/search/" + name, { try await handler($0.query, $0) }))
  }

  // MARK: -

  func add(to routes: Routes) {
    let resource = self.resource
    let path = "/" + resource.collection
    for route in self.routes { routes.on(route.verb, path + route.path, route.handler) }
    if let list = self.list {
      let hasSearches = !self.searches.isEmpty
      routes.on(.get, path) { request in
        let query = try request.query
        let asked = try query.page(sortable: resource.sortable)
        let page = try await list(asked, request)
        return .hal(
          resource.page(
            page, at: HALPlace(collection: query, asked), hasSearches: hasSearches))
      }
    }
    if !self.searches.isEmpty {
      let index = resource.searchIndex(self.searches)
      routes.on(.get, path + "/search") { _ in .hal(index) }
    }
    let profile = resource.profile()
    routes.on(.get, "/profile/" + resource.collection) { _ in
      .json(profile, mediaType: MediaType.alps)
    }
  }
}

extension HALPlace {
  /// The collection itself; without any parameter it is linked as it is.
  fileprivate init(collection query: QueryParameters, _ page: PageRequest) {
    self.path = ""
    self.kept = []
    self.asked = query.isEmpty ? [] : PageLinks.parameters(page, number: page.number)
  }

  fileprivate init(
    search name: String, _ parameters: [String], _ query: QueryParameters,
    _ page: PageRequest? = nil
  ) throws {
    self.path = "/search/" + name
    self.kept = try parameters.compactMap { parameter in
      try query.optionalText(parameter).map { (parameter, $0) }
    }
    self.asked = self.kept + (page.map { PageLinks.parameters($0, number: $0.number) } ?? [])
  }
}
