/// Answers HealthService for a server and each of its services.
struct HealthHandler: FramedrpcV1.HealthServiceHandler {
  let services: [String]
  let check: ServerIntrospection.HealthCheck

  func check(
    _ request: FramedrpcV1.CheckRequest, _ context: RPCContext
  ) async throws -> FramedrpcV1.CheckResponse {
    guard request.service.isEmpty || self.services.contains(request.service) else {
      throw RPCError(.notFound, "there is no service \(request.service)", reason: "no-such-service")
    }
    let health = await self.health(of: request.service)
    return FramedrpcV1.CheckResponse(reasons: health.reasons, status: health.status)
  }

  func list(
    _ request: FramedrpcV1.ListHealthRequest, _ context: RPCContext
  ) async throws -> FramedrpcV1.ListHealthResponse {
    var healths: [FramedrpcV1.ServiceHealth] = []
    for service in [""] + self.services.sorted() {
      healths.append(await self.health(of: service))
    }
    return FramedrpcV1.ListHealthResponse(services: healths)
  }

  private func health(of service: String) async -> FramedrpcV1.ServiceHealth {
    let reasons = await self.check(service)
    return FramedrpcV1.ServiceHealth(
      service: service, status: reasons.isEmpty ? .serving : .notServing, reasons: reasons)
  }
}
