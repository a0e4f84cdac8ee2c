import Contracts
import NIOCore
import NIOPosix
import Testing

@testable import FramedRPC

@Suite("Host names with several addresses")
struct HostNameTests {
  /// Knows one IPv6 address, where nobody listens, and one IPv4 address.
  private final class TwoAddresses: Resolver, Sendable {
    private let loop: any EventLoop

    init(_ loop: any EventLoop) {
      self.loop = loop
    }

    func initiateAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> {
      self.loop.submit { [try SocketAddress(ipAddress: "127.0.0.1", port: port)] }
    }

    func initiateAAAAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> {
      self.loop.submit { [try SocketAddress(ipAddress: "::1", port: port)] }
    }

    func cancelQueries() {}
  }

  @Test("an address where nobody listens does not end the connection to the other one")
  func refused() async throws {
    let server = try Endpoint.makeServer(handler: TestHandler())
    let address = try await server.listen(on: .tcp(host: "127.0.0.1", port: 0))
    guard case .tcp(_, let port) = address else { return }
    let loop = Endpoint.group.next()
    let (ends, end) = AsyncStream<RPCError>.makeStream()
    let ready = loop.makePromise(of: Void.self)
    let connection = ClientConnection(
      loop: loop, limits: .standard, onReady: { _ in ready.succeed() },
      onRetired: { _, error in
        ready.fail(error)
        end.yield(error)
      })
    try await Connector.connect(
      connection, to: .tcp(host: "two-addresses", port: port), security: nil,
      resolver: TwoAddresses(loop))
    try await ready.futureResult.get()
    // Whatever the channel that was given up still has to say is said before this.
    try await loop.submit { #expect(!connection.isEnded) }.get()
    loop.execute { connection.retire() }
    for await _ in ends { break }
    await server.shutdown()
  }
}
