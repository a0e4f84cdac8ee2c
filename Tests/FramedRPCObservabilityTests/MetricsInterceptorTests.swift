import CoreMetrics
import FramedRPC
import FramedRPCObservability
import MetricsTestKit
import NIOCore
import Testing

@Suite("Metrics of calls", .timeLimit(.minutes(1)))
struct MetricsInterceptorTests {
  private static let method = [("rpc.system.name", "framedrpc"), ("rpc.method", Toy.echo)]

  private static func durations(
    _ metrics: TestMetrics, _ side: String, _ status: String, isError: Bool = false
  ) throws -> [Double] {
    let dimensions =
      Self.method + [("rpc.status_code", status)] + (isError ? [("error.type", status)] : [])
    return try metrics.expectRecorder("rpc.\(side).call.duration", dimensions).values
  }

  @Test("durations by status in seconds, sizes in bytes, and nothing in flight at the end")
  func metrics() async throws {
    let server = TestMetrics()
    let client = TestMetrics()
    try await Toy().serving([MetricsInterceptor(factory: server)]) { channel in
      let channel = channel.intercepted(by: [MetricsInterceptor(factory: client)])
      try await Toy.call(channel, text: "hello")
      try await Toy.call(channel, text: "hello")
      for status in [RPCStatus.notFound, .internal] {
        await #expect(throws: RPCError.self) { try await Toy.call(channel, failWith: status) }
      }
    }
    #expect(try Self.durations(server, "server", "OK").count == 2)
    // Its caller's mistake is no error of the server, but one to its caller.
    #expect(try Self.durations(server, "server", "NOT_FOUND").count == 1)
    #expect(try Self.durations(server, "server", "INTERNAL", isError: true).count == 1)
    #expect(try Self.durations(client, "client", "OK").count == 2)
    #expect(try Self.durations(client, "client", "NOT_FOUND", isError: true).count == 1)
    #expect(try Self.durations(client, "client", "INTERNAL", isError: true).count == 1)
    #expect(try Self.durations(server, "server", "OK").allSatisfy { (0..<60).contains($0) })
    for (metrics, side) in [(server, "server"), (client, "client")] {
      let request = try metrics.expectRecorder("rpc.\(side).request.size", Self.method)
      // Field 1, its length and five letters; field 4 and its value.
      #expect(request.values == [7, 7, 2, 2])
      let response = try metrics.expectRecorder("rpc.\(side).response.size", Self.method)
      #expect(response.values == [7, 7, 0, 0])
      let active = try metrics.expectMeter("rpc.\(side).active_calls", Self.method)
      #expect(active.values == [1, 0, 1, 0, 1, 0, 1, 0])
    }
  }

  @Test("a call in flight is counted while it is")
  func active() async throws {
    let metrics = TestMetrics()
    let toy = Toy {
      let active = try? metrics.expectMeter("rpc.server.active_calls", Self.method)
      #expect(active?.lastValue == 1)
    }
    try await toy.serving([MetricsInterceptor(factory: metrics)]) { try await Toy.call($0) }
    #expect(try metrics.expectMeter("rpc.server.active_calls", Self.method).lastValue == 0)
  }

  @Test("methods beyond the limit count together")
  func manyMethods() async throws {
    struct Silent: RPCChannel {
      func call(_ call: RPCCall) async throws -> ByteBuffer { ByteBuffer() }

      func open(_ call: RPCCall, kind: RPCKind) async throws -> RPCByteStream {
        throw RPCError(.unimplemented, "no streams here")
      }
    }
    let metrics = TestMetrics()
    let channel = Silent().intercepted(by: [MetricsInterceptor(factory: metrics)])
    for number in 0..<1_030 {
      _ = try await channel.call(
        RPCCall(method: "S/\(number)", request: ByteBuffer(), options: CallOptions()))
    }
    let other = try metrics.expectRecorder(
      "rpc.client.request.size", [("rpc.system.name", "framedrpc"), ("rpc.method", "_OTHER")])
    #expect(other.values.count == 6)
    #expect(metrics.recorders(label: "rpc.client.request.size").count == 1_025)
  }
}
