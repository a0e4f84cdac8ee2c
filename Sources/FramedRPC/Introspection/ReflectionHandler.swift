/// Answers ReflectionService from the descriptors of the services beside it.
struct ReflectionHandler: FramedrpcV1.ReflectionServiceHandler {
  let services: [RPCService]

  func listServices(
    _ request: FramedrpcV1.ListServicesRequest, _ context: RPCContext
  ) async throws -> FramedrpcV1.ListServicesResponse {
    FramedrpcV1.ListServicesResponse(services: self.services.map(\.schema))
  }

  func describeService(
    _ request: FramedrpcV1.DescribeServiceRequest, _ context: RPCContext
  ) async throws -> FramedrpcV1.DescribeServiceResponse {
    guard let service = self.services.first(where: { $0.name == request.service }) else {
      throw RPCError(.notFound, "there is no service \(request.service)", reason: "no-such-service")
    }
    let types = service.descriptor.map(DescribedTypes.init(of:)) ?? DescribedTypes()
    return FramedrpcV1.DescribeServiceResponse(
      service: service.schema, messages: types.sortedMessages, enums: types.sortedEnums)
  }

  func describeMessages(
    _ request: FramedrpcV1.DescribeMessagesRequest, _ context: RPCContext
  ) async throws -> FramedrpcV1.DescribeMessagesResponse {
    var known = DescribedTypes()
    for descriptor in self.services.compactMap(\.descriptor) {
      known.merge(DescribedTypes(of: descriptor))
    }
    for name in request.names where !known.contains(name) {
      throw RPCError(
        .notFound, "no service of this server uses a message or enum \(name)",
        reason: "no-such-message")
    }
    let types = known.reached(from: request.names)
    return FramedrpcV1.DescribeMessagesResponse(
      messages: types.sortedMessages, enums: types.sortedEnums)
  }
}

extension RPCService {
  /// A service that was put together by hand has methods with names only.
  fileprivate var schema: FramedrpcV1.ServiceSchema {
    if let descriptor = self.descriptor { return FramedrpcV1.ServiceSchema(descriptor) }
    return FramedrpcV1.ServiceSchema(
      name: self.name,
      methods: self.methods.map {
        FramedrpcV1.MethodSchema(
          name: String($0.fullName.drop { $0 != "/" }.dropFirst()),
          kind: FramedrpcV1.MethodKind($0.kind))
      })
  }
}
