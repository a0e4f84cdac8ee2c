import NIOEmbedded
import Testing

@testable import FramedRPC

@Suite("What the calls of a loop have come to")
struct LoopStatisticsTests {
  private let statistics = LoopStatistics(loop: EmbeddedEventLoop(), methodCount: 3)

  private func context(_ id: String) throws -> RPCContext {
    var metadata = RPCMetadata()
    try metadata.append(RPCContext.requestIDKey, id)
    return RPCContext(metadata: metadata, method: "a.B/C")
  }

  @Test("calls are counted by method and status, in flight until they end")
  func counts() throws {
    let context = try self.context("1")
    let method = self.statistics.method(1)
    method.inFlight += 2
    method.ended(.ok, microseconds: 40, context)
    self.statistics.refused(1, .resourceExhausted)
    #expect(self.statistics.methodCounts.map(\.slot) == [1])
    let counts = try #require(self.statistics.methodCounts.first)
    #expect(counts.inFlight == 1)
    #expect(counts.statuses[Int(RPCStatus.ok.rawValue)] == 1)
    #expect(counts.statuses[Int(RPCStatus.resourceExhausted.rawValue)] == 1)
    #expect(counts.latency.count == 1, "a refusal says nothing of how long calls take")
    #expect(counts.latency.max == 40)
  }

  @Test("only calls over the threshold are kept, the newest 128 of them")
  func slowCalls() throws {
    self.statistics.slowThreshold = 1000
    let fast = try self.context("fast")
    let method = self.statistics.method(0)
    for index in 1...SlowCallRing.capacity + 5 {
      let slow = try self.context("\(index)")
      method.inFlight += 2
      method.ended(.notFound, microseconds: UInt32(1000 + index), slow)
      method.ended(.ok, microseconds: 1000, fast)
    }
    let slow = self.statistics.slow
    #expect(slow.count == SlowCallRing.capacity)
    #expect(slow.first?.requestID == "133")
    #expect(slow.last?.requestID == "6")
    #expect(slow.map(\.durationUs) == (1006...1133).reversed().map(Int64.init))
    #expect(slow.allSatisfy { $0.method == "a.B/C" && $0.status == "NOT_FOUND" })
  }
}
