import NIOCore

/// A request as far as it is known before its body is read.
package struct RESTArrival: Sendable {
  package let verb: HTTPVerb
  package let path: String
  /// Of the route, below ``Routes/count``.
  package let route: Int
  /// Where it comes from: an address for each IPv4 host and each IPv6 /64; nil when that is unknown.
  package let address: String?

  package init(verb: HTTPVerb, path: String, route: Int, address: String?) {
    self.verb = verb
    self.path = path
    self.route = route
    self.address = address
  }
}

/// A request that runs, until it is given back with ``RequestAdmission/leave(_:isMeasured:)``.
package struct RESTPlace: Sendable {
  package let route: Int
  package let began: NIODeadline

  package init(route: Int, began: NIODeadline) {
    self.route = route
    self.began = began
  }
}

/// Decides which requests run, so that those are done in time and the others hear at once when to
/// come again. Routes that are exempt are never asked about.
package protocol RequestAdmission: Sendable {
  /// Whether there is no room for a request of the verb. A look at the head of one that has come: it
  /// is not taken for an arrival, takes nothing of what its caller may ask for, and counts nothing.
  ///
  /// - Parameter running: requests that have been read and not been answered. Among them are those
  ///   that were let by before and have not got to ``arrive(_:)`` yet: many requests come at once.
  func isFull(for verb: HTTPVerb, running: Int) -> Bool

  /// The same of a request that is refused then, which counts.
  ///
  /// - Returns: the 503 to answer it with; nil when there is room by now.
  func refuseIfFull(_ verb: HTTPVerb, running: Int) -> HTTPProblem?

  /// A request has come, and its body is not read yet.
  ///
  /// - Throws: ``HTTPProblem``: 429 when its caller is too fast, 503 when there is too much to do.
  func arrive(_ arrival: RESTArrival) throws

  /// Its body, if it has one, is read: it gets a place, perhaps after a moment.
  ///
  /// - Parameter loop: of its connection.
  /// - Throws: ``HTTPProblem`` 503 when there is no place in time.
  func enter(_ arrival: RESTArrival, on loop: any EventLoop) async throws -> RESTPlace

  /// It is answered.
  ///
  /// - Parameter isMeasured: whether how long it took says something about the load.
  func leave(_ place: RESTPlace, isMeasured: Bool)
}

extension RESTArrival {
  init(_ match: RouteTable.Match, _ path: String, _ address: SocketAddress?) {
    self.init(
      verb: match.verb, path: path, route: match.route, address: address.flatMap(Self.host))
  }

  private static func host(_ address: SocketAddress) -> String? {
    guard case .v6 = address, let text = address.ipAddress else { return address.ipAddress }
    // An IPv4 host that a socket for both sees as ::ffff:10.1.2.3
    if text.hasPrefix("::ffff:"), text.contains(".") { return String(text.dropFirst(7)) }
    return Self.network(of: text)
  }

  /// The first four groups: one subscriber has at least a /64, and with it as many addresses as it
  /// likes.
  static func network(of address: String) -> String {
    let halves = address.prefix { $0 != "%" }.split(
      separator: "::", maxSplits: 1, omittingEmptySubsequences: false)
    var groups = halves[0].split(separator: ":")
    if halves.count == 2 {
      let tail = halves[1].split(separator: ":")
      groups += Array(repeating: "0", count: max(0, 8 - groups.count - tail.count)) + tail
    }
    return groups.prefix(4).joined(separator: ":") + "::"
  }
}
