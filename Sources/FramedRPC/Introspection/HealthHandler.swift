import Synchronization

/// Answers HealthService for a server and each of its services.
struct HealthHandler: FramedrpcV1.HealthServiceHandler {
  let services: [String]
  let check: ServerIntrospection.HealthCheck
  let interval: Duration
  let watches: IntrospectionWatches

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

  func watch(
    _ request: FramedrpcV1.CheckRequest, _ responses: RPCWriter<FramedrpcV1.CheckResponse>,
    _ context: RPCContext
  ) async throws {
    guard request.service.isEmpty || self.services.contains(request.service) else {
      try await responses.write(FramedrpcV1.CheckResponse(status: .serviceUnknown))
      // A server gets no services later; the caller hears when it ends, as of any other.
      while await self.watches.wait(self.interval) {}
      return try Task.checkCancellation()
    }
    var last: FramedrpcV1.CheckResponse?
    repeat {
      let health = await self.health(of: request.service)
      let response = FramedrpcV1.CheckResponse(reasons: health.reasons, status: health.status)
      if response != last {
        try await responses.write(response)
        last = response
      }
    } while await self.watches.wait(self.interval)
    try Task.checkCancellation()
    try await responses.write(
      FramedrpcV1.CheckResponse(reasons: ["the server shuts down"], status: .notServing))
  }

  private func health(of service: String) async -> FramedrpcV1.ServiceHealth {
    let reasons = await self.check(service)
    return FramedrpcV1.ServiceHealth(
      service: service, status: reasons.isEmpty ? .serving : .notServing, reasons: reasons)
  }
}

/// The watches of health and load that wait for their next look; a shutdown wakes them.
package final class IntrospectionWatches: Sendable {
  private struct State {
    var isOver = false
    var nextID = 0
    var naps: [Int: Task<Void, Never>] = [:]
  }

  private let state = Mutex(State())

  package init() {}

  /// - Returns: false at once when the server shuts down or the task is cancelled.
  func wait(_ time: Duration) async -> Bool {
    let nap = Task { () -> Void in try? await Task.sleep(for: time) }
    let id = self.state.withLock { state -> Int? in
      guard !state.isOver else { return nil }
      state.nextID += 1
      state.naps[state.nextID] = nap
      return state.nextID
    }
    guard let id else {
      nap.cancel()
      return false
    }
    await withTaskCancellationHandler {
      await nap.value
    } onCancel: {
      nap.cancel()
    }
    return self.state.withLock { state in
      state.naps[id] = nil
      return !state.isOver
    } && !Task.isCancelled
  }

  package func stop() {
    let naps = self.state.withLock { state in
      state.isOver = true
      return state.naps.values
    }
    for nap in naps {
      nap.cancel()
    }
  }
}
