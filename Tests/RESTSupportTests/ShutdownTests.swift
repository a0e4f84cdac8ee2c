import HTTPClientKit
import RESTSupport
import ServiceLifecycle
import Testing

@Suite("Shutting down")
struct ShutdownTests {
  @Test("a request in flight is finished, then the server ends and its port is free")
  func graceful() async throws {
    let gate = Gate()
    let (ports, port) = AsyncStream.makeStream(of: Int.self)
    let server = RESTServer(
      configuration: .toys(), routes: Routes([gate]), logger: .quiet,
      onListening: { port.yield($0) })
    let group = ServiceGroup(configuration: .init(services: [server], logger: .quiet))
    async let ended: Void = group.run()
    let bound = try #require(await ports.first { _ in true })
    let client = HTTPClient(port: bound)
    async let answer = client.request("GET", "/slow")
    await gate.untilEntered()
    await group.triggerGracefulShutdown()
    gate.open()
    let response = try await answer
    #expect(response.status == 204)
    try await ended
    await #expect(throws: (any Error).self) { try await client.request("GET", "/slow") }
  }
}

/// Holds a request until the test lets it go on.
private struct Gate: RESTAdaptor {
  private let entered = AsyncStream.makeStream(of: Void.self)
  private let opened = AsyncStream.makeStream(of: Void.self)

  func addRoutes(to routes: Routes) {
    routes.on(.get, "/slow") { _ in
      self.entered.continuation.yield()
      for await _ in self.opened.stream { break }
      return .noContent
    }
  }

  func untilEntered() async {
    for await _ in self.entered.stream { return }
  }

  func open() {
    self.opened.continuation.yield()
  }
}
