import Contracts
import FramedRPC
import NIOPosix
import Synchronization
import Testing

/// A server with reflection, and its client.
private func withReflection(
  _ introspection: ServerIntrospection = ServerIntrospection(), extra: [RPCService] = [],
  _ body: (RPCClient) async throws -> Void
) async throws {
  let network = InProcessNetwork()
  let server = try RPCServer(
    services: [FramedrpcV1.TestService.register(TestHandler(), on: .eventLoop)] + extra,
    group: Endpoint.group, introspection: introspection)
  let address = try await server.listen(on: .inProcess("introspected", in: network))
  let client = RPCClient(address: address, group: Endpoint.group)
  do {
    try await body(client)
  } catch {
    client.shutdown()
    await server.shutdown(grace: .zero)
    throw error
  }
  client.shutdown()
  await server.shutdown(grace: .zero)
}

@Suite("Reflection")
struct ReflectionTests {
  @Test("a server of generated services tells of them, and of what it adds itself")
  func services() async throws {
    try await withReflection { client in
      let answer = try await FramedrpcV1.ReflectionServiceClient(client).listServices(
        FramedrpcV1.ListServicesRequest(), options: CallSuite.patient)
      #expect(
        answer.services.map(\.name) == [
          "framedrpc.v1.TestService", "framedrpc.v1.StatisticsService",
          "framedrpc.v1.HealthService", "framedrpc.v1.ReflectionService",
        ])
      let echo = try #require(answer.services.first?.methods.first)
      #expect(
        echo
          == FramedrpcV1.MethodSchema(
            name: "Echo", kind: .unary, requestType: "framedrpc.v1.EchoRequest",
            responseType: "framedrpc.v1.EchoResponse"))
      #expect(Set(answer.services.map(\.fingerprint)).count == answer.services.count)
      #expect(answer.services.allSatisfy { $0.fingerprint.utf8.count == 16 })
    }
  }

  @Test("a service comes with every message and enum that its methods reach, once")
  func service() async throws {
    try await withReflection { client in
      let answer = try await FramedrpcV1.ReflectionServiceClient(client).describeService(
        FramedrpcV1.DescribeServiceRequest(service: "framedrpc.v1.TestService"),
        options: CallSuite.patient)
      #expect(
        answer.messages.map(\.name)
          == [
            "EchoRequest", "EchoResponse", "Everything", "Inner", "Innermost", "ReflectRequest",
            "ReflectResponse",
          ].map { "framedrpc.v1.\($0)" })
      #expect(
        answer.enums == [
          FramedrpcV1.EnumSchema(
            name: "framedrpc.v1.Color",
            values: [
              FramedrpcV1.EnumValueSchema(name: "COLOR_UNSPECIFIED", number: 0),
              FramedrpcV1.EnumValueSchema(name: "COLOR_RED", number: 1),
              FramedrpcV1.EnumValueSchema(name: "COLOR_GREEN", number: 2),
            ])
        ])
      let fields = try #require(
        answer.messages.first { $0.name == "framedrpc.v1.Everything" }
      ).fields
      func field(_ name: String) -> FramedrpcV1.FieldSchema? { fields.first { $0.name == name } }
      #expect(fields.count == 18)
      #expect(field("zigzag")?.type == "sint64")
      #expect(field("fixed")?.number == 17)
      #expect(field("color")?.type == "framedrpc.v1.Color")
      #expect(field("inners")?.type == "framedrpc.v1.Inner")
      #expect(field("inners")?.isRepeated == true)
      #expect(field("inner")?.isRepeated == false)
      #expect(field("text")?.oneof == 0)
      #expect(field("maybe")?.oneof == 1)
      #expect(field("maybe_text")?.oneof == 2)
    }
  }

  @Test("messages are described by name, with what they reach and nothing else")
  func messages() async throws {
    try await withReflection { client in
      let reflection = FramedrpcV1.ReflectionServiceClient(client)
      let answer = try await reflection.describeMessages(
        FramedrpcV1.DescribeMessagesRequest(names: ["framedrpc.v1.Inner", "framedrpc.v1.Color"]),
        options: CallSuite.patient)
      #expect(answer.messages.map(\.name) == ["framedrpc.v1.Inner", "framedrpc.v1.Innermost"])
      #expect(answer.enums.map(\.name) == ["framedrpc.v1.Color"])
      let error = await #expect(throws: RPCError.self) {
        try await reflection.describeMessages(
          FramedrpcV1.DescribeMessagesRequest(names: ["framedrpc.v1.Outer"]),
          options: CallSuite.patient)
      }
      #expect(error?.status == .notFound)
      let noService = await #expect(throws: RPCError.self) {
        try await reflection.describeService(
          FramedrpcV1.DescribeServiceRequest(service: "x.Y"), options: CallSuite.patient)
      }
      #expect(noService?.status == .notFound)
    }
  }

  @Test("a service made by hand has methods without types")
  func byHand() async throws {
    var service = RPCService(name: "by.Hand")
    service.add(
      RPCMethod<FramedrpcV1.EchoRequest, FramedrpcV1.EchoResponse>(
        service: "by.Hand", name: "Echo")
    ) { _, _ in FramedrpcV1.EchoResponse() }
    try await withReflection(extra: [service]) { client in
      let answer = try await FramedrpcV1.ReflectionServiceClient(client).describeService(
        FramedrpcV1.DescribeServiceRequest(service: "by.Hand"), options: CallSuite.patient)
      #expect(answer.service?.methods == [FramedrpcV1.MethodSchema(name: "Echo", kind: .unary)])
      #expect(answer.messages.isEmpty)
    }
  }

  @Test("what has interceptors is still described")
  func intercepted() {
    let service = FramedrpcV1.TestService.register(TestHandler()).intercepted(
      by: [ServerDeadline(standard: .seconds(1))])
    #expect(service.descriptor?.name == "framedrpc.v1.TestService")
  }

  @Test("introspection can be left out")
  func none() async throws {
    try await withReflection(.none) { client in
      let methods = try await client.methods(options: CallSuite.patient)
      #expect(methods == GoldenVectorTests.methods)
    }
  }
}

@Suite("Descriptions of messages")
struct DescribedTypesTests {
  private static func message(
    _ name: String, _ fields: [String]
  ) -> FramedrpcV1.MessageSchema {
    FramedrpcV1.MessageSchema(
      name: name,
      fields: fields.enumerated().map {
        FramedrpcV1.FieldSchema(
          name: "f\($0.offset)", number: UInt32($0.offset) + 1, type: $0.element)
      })
  }

  @Test("messages that contain themselves and each other are reached once")
  func recursion() {
    let types = DescribedTypes(
      messages: [
        Self.message("a.Tree", ["a.Tree", "a.Leaf", "int64"]),
        Self.message("a.Leaf", ["a.Tree", "a.Color"]), Self.message("a.Other", []),
      ], enums: [FramedrpcV1.EnumSchema(name: "a.Color")])
    let reached = types.reached(from: ["a.Leaf"])
    #expect(reached.sortedMessages.map(\.name) == ["a.Leaf", "a.Tree"])
    #expect(reached.sortedEnums.map(\.name) == ["a.Color"])
  }
}

@Suite("Health of a server and its services")
struct HealthServiceTests {
  private static let check: ServerIntrospection.HealthCheck = { service in
    service == "framedrpc.v1.TestService" ? ["the disk is full"] : []
  }

  @Test("the server and each service are asked for by name")
  func check() async throws {
    try await withReflection(ServerIntrospection(health: Self.check)) { client in
      let health = FramedrpcV1.HealthServiceClient(client)
      let server = try await health.check(FramedrpcV1.CheckRequest(), options: CallSuite.patient)
      #expect(server == FramedrpcV1.CheckResponse(status: .serving))
      let service = try await health.check(
        FramedrpcV1.CheckRequest(service: "framedrpc.v1.TestService"), options: CallSuite.patient)
      #expect(
        service == FramedrpcV1.CheckResponse(reasons: ["the disk is full"], status: .notServing))
      let error = await #expect(throws: RPCError.self) {
        try await health.check(
          FramedrpcV1.CheckRequest(service: "no.Service"), options: CallSuite.patient)
      }
      #expect(error?.status == .notFound)
    }
  }

  @Test("the list has the server first, then all services by name")
  func list() async throws {
    try await withReflection(ServerIntrospection(health: Self.check)) { client in
      let answer = try await FramedrpcV1.HealthServiceClient(client).list(
        FramedrpcV1.ListHealthRequest(), options: CallSuite.patient)
      #expect(
        answer.services.map(\.service)
          == [
            "", "framedrpc.v1.HealthService", "framedrpc.v1.ReflectionService",
            "framedrpc.v1.StatisticsService", "framedrpc.v1.TestService",
          ])
      #expect(
        answer.services.map(\.status) == [.serving, .serving, .serving, .serving, .notServing])
    }
  }

  @Test("a watch tells the status at once, every change, and the shutdown")
  func watch() async throws {
    let reasons = Mutex<[String]>([])
    let network = InProcessNetwork()
    let server = try RPCServer(
      services: [], group: Endpoint.group,
      introspection: ServerIntrospection(
        health: { _ in reasons.withLock { $0 } }, healthInterval: .milliseconds(1)))
    let address = try await server.listen(on: .inProcess("watched", in: network))
    let client = RPCClient(address: address, group: Endpoint.group)
    defer { client.shutdown() }
    let health = FramedrpcV1.HealthServiceClient(client)
    let watch = try await health.watch(FramedrpcV1.CheckRequest(), options: CallSuite.patient)
    #expect(try await watch.next() == FramedrpcV1.CheckResponse(status: .serving))
    reasons.withLock { $0 = ["the disk is full"] }
    #expect(
      try await watch.next()
        == FramedrpcV1.CheckResponse(reasons: ["the disk is full"], status: .notServing))
    reasons.withLock { $0 = [] }
    #expect(try await watch.next() == FramedrpcV1.CheckResponse(status: .serving))

    let unknown = try await health.watch(
      FramedrpcV1.CheckRequest(service: "no.Service"), options: CallSuite.patient)
    #expect(try await unknown.next() == FramedrpcV1.CheckResponse(status: .serviceUnknown))
    // With all the time in the world: it is the watches that end by themselves.
    await server.shutdown(grace: .seconds(600))
    #expect(
      try await watch.next()
        == FramedrpcV1.CheckResponse(reasons: ["the server shuts down"], status: .notServing))
    #expect(try await watch.next() == nil)
    #expect(try await unknown.next() == nil)
  }

  @Test("a service that the server is given takes the place of the one it would add")
  func ownService() async throws {
    let own = FramedrpcV1.HealthService.register(AlwaysServing(), on: .eventLoop)
    try await withReflection(ServerIntrospection(health: Self.check), extra: [own]) { client in
      let answer = try await FramedrpcV1.HealthServiceClient(client).check(
        FramedrpcV1.CheckRequest(service: "no.Service"), options: CallSuite.patient)
      #expect(answer.status == .serving)
    }
  }
}

private struct AlwaysServing: FramedrpcV1.HealthServiceHandler {
  func check(
    _ request: FramedrpcV1.CheckRequest, _ context: RPCContext
  ) async throws -> FramedrpcV1.CheckResponse {
    FramedrpcV1.CheckResponse(status: .serving)
  }

  func list(
    _ request: FramedrpcV1.ListHealthRequest, _ context: RPCContext
  ) async throws -> FramedrpcV1.ListHealthResponse {
    FramedrpcV1.ListHealthResponse()
  }

  func watch(
    _ request: FramedrpcV1.CheckRequest, _ responses: RPCWriter<FramedrpcV1.CheckResponse>,
    _ context: RPCContext
  ) async throws {}
}
