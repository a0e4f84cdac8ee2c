/// Finds the handler for a verb and a path, and knows which verbs a path has.
///
/// Not Hummingbird's router, because that one answers 404 to a known path with another verb and
/// runs every request through its chain of middleware.
package struct RouteTable: Sendable {
  private struct Node: Sendable {
    var literals: [Substring: Int] = [:]
    var parameter: (name: String, node: Int)?
    var handlers: [HTTPVerb: Routes.Handler] = [:]
    var refusals: [HTTPVerb: Routes.Refusal] = [:]
    var isExempt = false
    var isPublic = false
    var allow = ""
    /// As it was given: `/courses/{id}`.
    var pattern = ""
  }

  /// A handler with what the path gave it.
  struct Match {
    let verb: HTTPVerb
    let handler: Routes.Handler
    let refusal: Routes.Refusal?
    let parameters: [PathParameter]
    /// Below ``RouteTable/count``; the verbs of a path share it.
    let route: Int
    /// `/courses/{id}`
    let pattern: String
    /// Served however much there is to do.
    let isExempt: Bool
    /// Served whoever asks.
    let isPublic: Bool
  }

  enum Answer {
    case match(Match)
    /// The path is known, the request asks which verbs it has.
    case options(allow: String)
  }

  private var nodes = [Node()]

  /// Paths, known and in between.
  var count: Int { self.nodes.count }

  mutating func add(
    _ verb: HTTPVerb, _ pattern: String, _ handler: @escaping Routes.Handler,
    _ refusal: Routes.Refusal? = nil, isExempt: Bool = false, isPublic: Bool = false
  ) {
    var place = 0
    for segment in RouteTable.segments(of: pattern[...]) {
      place = self.child(of: place, segment)
    }
    precondition(
      self.nodes[place].handlers.updateValue(handler, forKey: verb) == nil,
      "\(verb.rawValue) \(pattern) is offered twice")
    self.nodes[place].refusals[verb] = refusal
    self.nodes[place].pattern = pattern
    if isExempt { self.nodes[place].isExempt = true }
    if isPublic { self.nodes[place].isPublic = true }
    self.nodes[place].allow = RouteTable.allow(self.nodes[place].handlers)
  }

  private mutating func child(of place: Int, _ segment: Substring) -> Int {
    if segment.hasPrefix("{") {
      let name = String(segment.dropFirst().dropLast())
      if let known = self.nodes[place].parameter {
        precondition(known.name == name, "a path calls {\(known.name)} also {\(name)}")
        return known.node
      }
      self.nodes.append(Node())
      self.nodes[place].parameter = (name, self.nodes.count - 1)
    } else {
      if let known = self.nodes[place].literals[segment] { return known }
      self.nodes.append(Node())
      self.nodes[place].literals[segment] = self.nodes.count - 1
    }
    return self.nodes.count - 1
  }

  /// - Throws: 404 for an unknown path, 405 for a verb that the path does not have.
  func answer(_ method: String, _ path: String) throws(HTTPProblem) -> Answer {
    var parameters: [PathParameter] = []
    let place = try self.place(of: path, &parameters)
    let node = self.nodes[place]
    guard !node.handlers.isEmpty else { throw .noSuchRoute }
    if let verb = HTTPVerb(serving: method), let handler = node.handlers[verb] {
      return .match(
        Match(
          verb: verb, handler: handler, refusal: node.refusals[verb], parameters: parameters,
          route: place, pattern: node.pattern, isExempt: node.isExempt, isPublic: node.isPublic))
    }
    if method == "OPTIONS" { return .options(allow: node.allow) }
    throw .methodNotAllowed(method, allow: node.allow)
  }

  private func place(
    of path: String, _ parameters: inout [PathParameter]
  ) throws(HTTPProblem) -> Int {
    guard path.utf8.first == UInt8(ascii: "/") else { throw .noSuchRoute }
    var place = 0
    for segment in RouteTable.segments(of: path[...]) {
      if let next = self.nodes[place].literals[segment] {
        place = next
      } else if let (name, next) = self.nodes[place].parameter, !segment.isEmpty,
        let value = PercentCoding.decode(segment)
      {
        parameters.append(PathParameter(name: name, value: value))
        place = next
      } else {
        throw .noSuchRoute
      }
    }
    return place
  }

  /// What stands between the slashes; one slash at the end is forgiven.
  private static func segments(of path: Substring) -> [Substring] {
    let trimmed = path.hasSuffix("/") ? path.dropFirst().dropLast() : path.dropFirst()
    guard !trimmed.isEmpty else { return [] }
    return trimmed.split(separator: "/", omittingEmptySubsequences: false)
  }

  private static func allow(_ handlers: [HTTPVerb: Routes.Handler]) -> String {
    var names = HTTPVerb.allCases.filter { handlers[$0] != nil }.map(\.rawValue)
    if handlers[.get] != nil { names.insert("HEAD", at: 1) }
    return (names + ["OPTIONS"]).joined(separator: ", ")
  }
}
