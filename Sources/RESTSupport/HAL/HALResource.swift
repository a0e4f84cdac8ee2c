import JSON
import Kernel

/// How one kind of thing looks from outside: a table of its names and fields.
///
///     HALResource<Point, PointKind>(
///       "points", item: "point", links: links, id: \.id,
///       fields: [
///         "classId": { .integer($0.classID.value) },
///         "cashpoint": { .integer($0.cashpoint) },
///       ])
package struct HALResource<Item: Sendable, Kind>: Sendable {
  /// nil leaves the field out.
  package typealias Field = @Sendable (Item) -> JSONValue?

  /// The name in the path and in `_embedded`: `courses`.
  package let collection: String
  /// The link relation of one of them: `course`.
  package let item: String
  package let links: Links
  let id: @Sendable (Item) -> Identifier<Kind>
  let fields: KeyValuePairs<String, Field>
  private let fixedHref: String?

  package init(
    _ collection: String, item: String, links: Links,
    id: @escaping @Sendable (Item) -> Identifier<Kind>, fields: KeyValuePairs<String, Field>
  ) {
    self.collection = collection
    self.item = item
    self.links = links
    self.id = id
    self.fields = fields
    self.fixedHref = links.areFixed ? links.href(collection) : nil
  }

  /// The names that `sort` may use.
  var sortable: [String] { ["id"] + self.fields.map(\.key) }

  private var collectionHref: String { self.fixedHref ?? self.links.href(self.collection) }

  package func href(of item: Item) -> String {
    self.href(of: self.id(item))
  }

  func href(of id: Identifier<Kind>) -> String {
    self.collectionHref + "/" + String(id.value)
  }

  /// One thing: its fields, and its id only in its link.
  package func single(_ item: Item) -> JSONValue {
    let link = HALLink.to(self.href(of: item))
    var object = JSONObject()
    object.reserveCapacity(self.fields.count + 1)
    for (name, value) in self.fields {
      if let value = value(item) { object.append(name, value) }
    }
    object.append("_links", .object(JSONObject([.init("self", link), .init(self.item, link)])))
    return .object(object)
  }

  // MARK: Answers

  package func ok(_ item: Item) -> RESTResponse {
    .hal(self.single(item))
  }

  /// 201 with the place of what was made.
  package func created(_ item: Item) -> RESTResponse {
    RESTResponse.hal(self.single(item), status: 201).location(self.href(of: item))
  }

  /// 202: taken, but not decided yet; the place is where to look again.
  package func accepted(_ item: Item, retryAfterSeconds: Int) -> RESTResponse {
    RESTResponse.hal(self.single(item), status: 202).location(self.href(of: item))
      .retryAfter(seconds: retryAfterSeconds)
  }

  // MARK: Lists

  /// One page of the collection.
  func page(_ page: Page<Item>, at place: HALPlace, hasSearches: Bool) -> JSONValue {
    self.page(page, self.embedded(page.items), at: place, hasSearches: hasSearches)
  }

  /// One page of something that belongs to the items of the collection.
  func page<Part>(_ page: Page<Part>, of parts: HALParts<Part, Kind>, at place: HALPlace)
    -> JSONValue
  {
    self.page(page, parts.embedded(page.items, in: self), at: place, hasSearches: false)
  }

  private func page<Shown>(
    _ page: Page<Shown>, _ embedded: JSONValue, at place: HALPlace, hasSearches: Bool
  ) -> JSONValue {
    let href = self.collectionHref + place.path
    var links = JSONObject()
    links.append("self", HALLink.to(href + Links.query(place.asked)))
    if place.path.isEmpty {
      links.append("profile", HALLink.to(self.links.href("profile", self.collection)))
      if hasSearches { links.append("search", HALLink.to(self.collectionHref + "/search")) }
    }
    for (relation, number) in PageLinks.numbers(of: page) {
      let query = Links.query(place.kept + PageLinks.parameters(page.request, number: number))
      links.append(relation, HALLink.to(href + query))
    }
    return [
      "_embedded": embedded, "_links": .object(links),
      "page": [
        "size": .integer(page.request.size), "totalElements": .integer(page.totalElements),
        "totalPages": .integer(page.totalPages), "number": .integer(page.request.number),
      ],
    ]
  }

  /// The whole answer of a search that is not paged.
  func list(_ items: [Item], at place: HALPlace) -> JSONValue {
    let href = self.collectionHref + place.path + Links.query(place.asked)
    return ["_embedded": self.embedded(items), "_links": ["self": HALLink.to(href)]]
  }

  /// What a search says that is no item of the collection: its fields, and a link to itself.
  func value(_ fields: JSONObject, at place: HALPlace) -> JSONValue {
    let href = self.collectionHref + place.path + Links.query(place.asked)
    var object = fields
    object.append("_links", ["self": HALLink.to(href)])
    return .object(object)
  }

  private func embedded(_ items: [Item]) -> JSONValue {
    .object(JSONObject([.init(self.collection, .array(items.map(self.single)))]))
  }

  /// `/points/search`: which searches there are.
  func searchIndex(_ searches: [(name: String, parameters: [String])]) -> JSONValue {
    let href = self.collectionHref + "/search"
    var links = JSONObject()
    for search in searches {
      let template = "{?\(search.parameters.joined(separator: ","))}"
      links.append(
        search.name, ["href": .string("\(href)/\(search.name)\(template)"), "templated": true])
    }
    links.append("self", HALLink.to(href))
    return ["_links": .object(links)]
  }

  /// `/profile/points`: the fields by name, in the format ALPS.
  func profile() -> JSONValue {
    [
      "alps": [
        "version": "1.0",
        "descriptor": [
          [
            "id": .string(self.item + "-representation"),
            "href": .string(self.links.href("profile", self.collection)),
            "descriptor": .array(
              self.fields.map { ["name": .string($0.key), "type": "SEMANTIC"] }),
          ]
        ],
      ]
    ]
  }
}
