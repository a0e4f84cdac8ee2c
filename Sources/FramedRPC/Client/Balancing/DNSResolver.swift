import Glibc
import NIOCore
import NIOPosix

/// Every address, of IPv4 and IPv6, that the system's resolver has for a name, asked anew from time
/// to time.
///
/// It asks with `getaddrinfo`, which blocks, on NIO's thread pool, and keeps its order (RFC 6724).
/// All addresses count, also those of a family that this machine cannot route: the balancer finds
/// out. A name that cannot be resolved keeps the addresses it had.
public final class DNSResolver: RPCResolver {
  /// - Returns: the addresses as text, without repeats; not empty.
  /// - Throws: ``DNSError``, or whatever `description` tells people.
  package typealias Lookup = @Sendable (_ host: String, _ port: Int) async throws -> [String]

  /// How often the name is asked for while all is well. `getaddrinfo` does not tell the record's
  /// time to live; half a minute is what gRPC keeps between two questions.
  public static let standardInterval = Duration.seconds(30)
  /// The shortest time between two questions: after a connection was lost, or after no answer.
  public static let standardMinInterval = Duration.seconds(2)

  private let host: String
  private let port: Int
  private let lookup: Lookup
  private let pacer: ResolverPacer
  private let retryPacer: ResolverPacer

  public convenience init(
    host: String, port: Int, interval: Duration = DNSResolver.standardInterval,
    minInterval: Duration = DNSResolver.standardMinInterval
  ) {
    self.init(
      host: host, port: port, interval: interval, minInterval: minInterval, clock: .system,
      lookup: Self.getAddressInfo)
  }

  package init(
    host: String, port: Int, interval: Duration, minInterval: Duration, clock: ClientClock,
    lookup: @escaping Lookup
  ) {
    self.host = host
    self.port = port
    self.lookup = lookup
    let minInterval = TimeAmount(minInterval)
    self.pacer = ResolverPacer(
      clock: clock, interval: TimeAmount(interval), minInterval: minInterval)
    self.retryPacer = ResolverPacer(
      clock: clock, interval: minInterval, minInterval: minInterval)
  }

  public var knownEndpoints: [RPCAddress]? { nil }

  public func run(_ update: @escaping @Sendable (ResolverUpdate) -> Void) async {
    do {
      var last: ResolverUpdate?
      while true {
        let found = await self.resolve()
        try Task.checkCancellation()
        if found != last { update(found) }
        last = found
        if case .failure = found {
          try await self.retryPacer.pause()
        } else {
          try await self.pacer.pause()
        }
      }
    } catch {
      // Nobody wants to know any more.
    }
  }

  public func refresh() {
    self.pacer.ask()
  }

  private func resolve() async -> ResolverUpdate {
    do {
      return .endpoints(
        try await self.lookup(self.host, self.port).map { .tcp(host: $0, port: self.port) })
    } catch {
      return .failure("cannot resolve \(self.host): \(error)")
    }
  }

  private static func getAddressInfo(_ host: String, _ port: Int) async throws -> [String] {
    try await NIOThreadPool.singleton.runIfActive { try Self.addresses(of: host) }
  }

  private static func addresses(of host: String) throws -> [String] {
    var hints = addrinfo()
    hints.ai_family = AF_UNSPEC
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var first: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(host, nil, &hints, &first)
    guard code == 0 else { throw DNSError(text: String(cString: gai_strerror(code))) }
    defer { freeaddrinfo(first) }
    var addresses: [String] = []
    for info in sequence(first: first, next: { $0?.pointee.ai_next }) {
      guard let info = info?.pointee else { break }
      var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
      guard
        getnameinfo(
          info.ai_addr, info.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0
      else { continue }
      let bytes = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
      let address = String(decoding: bytes, as: UTF8.self)
      if !addresses.contains(address) { addresses.append(address) }
    }
    guard !addresses.isEmpty else { throw DNSError(text: "it has no address") }
    return addresses
  }
}

/// Why a name has no addresses, in the system's words.
package struct DNSError: Error, CustomStringConvertible {
  let text: String

  package init(text: String) {
    self.text = text
  }

  package var description: String { self.text }
}
