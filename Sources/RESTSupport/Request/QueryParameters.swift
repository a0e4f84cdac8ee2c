import Kernel

/// The parameters after the `?`, decoded, in their order.
package struct QueryParameters: Sendable {
  private let pairs: [(name: String, value: String)]

  /// - Throws: ``HTTPProblem`` when a percent escape is broken.
  init(_ query: Substring) throws(HTTPProblem) {
    var pairs: [(name: String, value: String)] = []
    for part in query.split(separator: "&") {
      let halves = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard let name = PercentCoding.decode(halves[0], plusIsBlank: true),
        let value = PercentCoding.decode(halves.count > 1 ? halves[1] : "", plusIsBlank: true)
      else { throw .malformedQuery }
      pairs.append((name, value))
    }
    self.pairs = pairs
  }

  package var isEmpty: Bool { self.pairs.isEmpty }

  package func all(_ name: String) -> [String] {
    self.pairs.filter { $0.name == name }.map(\.value)
  }

  /// The value of a parameter that may be left out but not be given twice.
  package func optionalText(_ name: String) throws(Problem) -> String? {
    let values = self.all(name)
    guard values.count <= 1 else { throw .invalid([.init(name, "is given more than once")]) }
    return values.first
  }

  /// The value of a parameter that must be there and not be empty.
  package func text(_ name: String) throws(Problem) -> String {
    guard let text = try self.optionalText(name) else {
      throw .invalid([.init(name, "is missing")])
    }
    guard !text.isEmpty else { throw .invalid([.init(name, "must not be empty")]) }
    return text
  }

  package func optionalInt64(_ name: String) throws(Problem) -> Int64? {
    guard let text = try self.optionalText(name) else { return nil }
    guard let value = DecimalText.int64(text) else {
      throw .invalid([.init(name, "must be an integer")])
    }
    return value
  }

  package func int64(_ name: String) throws(Problem) -> Int64 {
    guard let value = try self.optionalInt64(name) else {
      throw .invalid([.init(name, "is missing")])
    }
    return value
  }

  /// An id of the kind that the caller's context asks for: `let id: ClassID = try query.id(…)`.
  package func id<Kind>(_ name: String) throws(Problem) -> Identifier<Kind> {
    Identifier(try self.int64(name))
  }

  /// `page`, `size` and any number of `sort=field,asc|desc`.
  ///
  /// - Parameter sortable: the names that `sort` may use.
  package func page(sortable: [String]) throws(Problem) -> PageRequest {
    if self.pairs.isEmpty { return try PageRequest() }
    var sort: [SortKey] = []
    for text in self.all("sort") {
      sort.append(try QueryParameters.sortKey(text, sortable: sortable))
    }
    return try PageRequest(
      number: try self.size("page") ?? 0, size: try self.size("size") ?? PageRequest.defaultSize,
      sort: sort)
  }

  private func size(_ name: String) throws(Problem) -> Int? {
    try self.optionalInt64(name).map { Int($0) }
  }

  private static func sortKey(
    _ text: String, sortable: [String]
  ) throws(Problem) -> SortKey {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
    guard let field = sortable.first(where: { $0 == parts[0] }) else {
      throw .invalid([.init("sort", "must name one of \(sortable.joined(separator: ", "))")])
    }
    switch parts.count > 1 ? parts[1].lowercased() : "asc" {
    case "asc" where parts.count <= 2: return SortKey(field: field)
    case "desc" where parts.count <= 2: return SortKey(field: field, descending: true)
    default: throw .invalid([.init("sort", "must be field,asc or field,desc")])
    }
  }
}
