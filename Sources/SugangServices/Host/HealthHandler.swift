import Contracts
import FramedRPC

/// Answers over RPC what `/readyz` answers over HTTP.
struct HealthHandler: FramedrpcV1.HealthServiceHandler {
  static let serving = "SERVING"

  let readiness: Readiness

  func check(
    _ request: FramedrpcV1.CheckRequest, _ context: RPCContext
  ) async throws -> FramedrpcV1.CheckResponse {
    let reasons = await self.readiness.reasonsNotReady()
    return FramedrpcV1.CheckResponse(
      status: reasons.isEmpty ? Self.serving : "NOT_SERVING", reasons: reasons)
  }
}
