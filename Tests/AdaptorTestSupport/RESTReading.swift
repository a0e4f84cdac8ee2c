import HTTPClientKit
import JSON
import Kernel
import RESTSupport

/// Reads the REST shapes back into values, strictly: a test client that forgives would hide what a
/// real one stumbles over.
extension HTTPClient {
  /// GET of one resource.
  ///
  /// - Throws: the problem as ``Problem`` when the server answers one.
  package func resource(_ path: String) async throws -> JSONValue {
    try await self.send("GET", path, expecting: 200)
  }

  /// - Throws: the problem as ``Problem`` when the server answers one.
  @discardableResult
  package func send(
    _ method: String, _ path: String, headers: [(String, String)] = [], body: String? = nil,
    expecting status: Int
  ) async throws -> JSONValue {
    let response = try await self.request(method, path, headers: headers, body: body)
    if response.status == status {
      return status == 204 ? .null : response.json
    }
    throw try Problem(problemJSON: response.json)
  }

  package func page<Item: Sendable>(
    _ path: String, _ page: PageRequest, items: String, _ item: (JSONValue) throws -> Item
  ) async throws -> Page<Item> {
    let separator = path.contains("?") ? "&" : "?"
    let sort = page.sort.map { "&sort=\($0.field),\($0.descending ? "desc" : "asc")" }.joined()
    let json = try await self.resource(
      "\(path)\(separator)page=\(page.number)&size=\(page.size)\(sort)")
    let total = try json.member("page").integer("totalElements")
    return Page(
      items: try json.embedded(items).map(item), totalElements: Int(total), request: page)
  }

  package func list<Item>(
    _ path: String, items: String, _ item: (JSONValue) throws -> Item
  ) async throws -> [Item] {
    try await self.resource(path).embedded(items).map(item)
  }
}

/// What a JSON answer should have had.
package struct UnexpectedJSON: Error {
  package let wanted: String
  package let found: JSONValue
}

extension JSONValue {
  package func member(_ name: String) throws -> JSONValue {
    guard let value = self[name] else { throw UnexpectedJSON(wanted: name, found: self) }
    return value
  }

  package func integer(_ name: String) throws -> Int64 {
    guard let number = try self.member(name).int64 else {
      throw UnexpectedJSON(wanted: "integer \(name)", found: self)
    }
    return number
  }

  package func text(_ name: String) throws -> String {
    guard let text = try self.member(name).string else {
      throw UnexpectedJSON(wanted: "string \(name)", found: self)
    }
    return text
  }

  /// nil for null.
  package func optionalText(_ name: String) throws -> String? {
    try self.member(name) == .null ? nil : try self.text(name)
  }

  /// A string that stands for something else.
  package func value<Value>(_ name: String, _ read: (String) -> Value?) throws -> Value {
    let text = try self.text(name)
    guard let value = read(text) else {
      throw UnexpectedJSON(wanted: "a known \(name)", found: self)
    }
    return value
  }

  /// The items under `_embedded`.
  package func embedded(_ name: String) throws -> [JSONValue] {
    guard let items = try self.member("_embedded").member(name).array else {
      throw UnexpectedJSON(wanted: "array \(name)", found: self)
    }
    return items
  }

  /// The id at the end of the `self` link.
  package func selfID() throws -> Int64 {
    try self.linkedID("self")
  }

  /// The id at the end of a link.
  package func linkedID(_ relation: String) throws -> Int64 {
    let href = try self.member("_links").member(relation).text("href")
    guard let id = href.split(separator: "/").last.flatMap({ Int64($0) }) else {
      throw UnexpectedJSON(wanted: "an id in \(href)", found: self)
    }
    return id
  }
}

extension String {
  /// This text as the one parameter of a query: `?student=john`.
  package func query(_ name: String) -> String {
    // The one public way to percent-encode here.
    let link = Links(publicBaseURL: "").href(self)
    return "?\(name)=\(link.dropFirst())"
  }
}

extension Problem {
  /// The problem of an `application/problem+json` body.
  init(problemJSON json: JSONValue) throws {
    let status = try json.integer("status")
    let code = try json.text("code")
    let kind: Kind =
      switch status {
      case 402: .declined
      case 403: .forbidden
      case 404: .notFound
      case 409: .conflict
      case 422: code == "idempotency-key-reused" ? .keyReused : .invalid
      case 429: .tooMany
      case 502: .failed
      case 503: .unavailable
      default: throw UnexpectedJSON(wanted: "a problem of a core", found: json)
      }
    let fields = try json["errors"]?.array?.map {
      FieldProblem(try $0.text("field"), try $0.text("reason"))
    }
    self.init(
      kind, code: code, title: try json.text("title"), detail: try json.text("detail"),
      fields: fields ?? [])
  }
}
