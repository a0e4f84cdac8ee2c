import AdaptorSupport
import FramedRPC
import Kernel
import RESTSupport
import Testing

@Suite("Overload over REST")
struct OverloadTests {
  private static func problem(_ error: RPCError) async -> Problem? {
    do {
      _ = try await asking("pay") { () async throws -> Int in throw error }
      return nil
    } catch {
      return error as? Problem
    }
  }

  @Test(
    "a service that has too much to do is 503 with the time it gave, in whole seconds",
    arguments: [("1", 1), ("1000", 1), ("1001", 2), ("4200", 5), ("-1", 1), ("soon", 1)])
  func retryAfter(milliseconds: String, seconds: Int) async throws {
    var metadata = RPCMetadata()
    try metadata.append("retry-after-ms", milliseconds)
    let problem = try #require(
      await Self.problem(
        RPCError(
          .resourceExhausted, "the server is overloaded", reason: "overloaded",
          metadata: metadata, notProcessed: true, overloaded: true)))
    let answer = HTTPProblem(problem)
    #expect(answer.status == 503)
    #expect(answer.retryAfterSeconds == seconds)
    #expect(answer.detail == "the pay service has too much to do")
  }

  @Test("a service that is away says no time, and is asked again after a second")
  func away() async throws {
    let problem = try #require(await Self.problem(RPCError(.unavailable, "no connection")))
    #expect(HTTPProblem(problem).status == 503)
    #expect(HTTPProblem(problem).retryAfterSeconds == 1)
    #expect(problem.detail == "the pay service cannot answer now")
  }
}
