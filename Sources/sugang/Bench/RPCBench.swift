import Contracts
import FramedRPC
import NIOCore
import NIOPosix

/// Measures one connection at some numbers of calls in flight.
struct RPCBench {
  struct Result {
    let inFlight: Int
    let bodyBytes: Int
    let rpc: LoadMeasurement
    let raw: LoadMeasurement

    var ratio: Double { self.raw.perSecond > 0 ? self.rpc.perSecond / self.raw.perSecond : 0 }
  }

  private static let request = FramedrpcV1.EchoRequest(
    text: "a text as long as names are here", number: 123_456)

  let server: BenchServer
  let duration: Duration
  /// The client has one loop, as the server has: one connection can use no more.
  private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)

  init(server: BenchServer, duration: Duration) {
    self.server = server
    self.duration = duration
  }

  func measure(inFlight: Int) async throws -> Result {
    let bodyBytes = try Self.request.encoded().readableBytes
    let rpc = try await self.rpcLoad(inFlight: inFlight)
    let recorder = LoadRecorder(loop: self.group.next(), duration: self.duration)
    try await RawEcho.load(
      port: self.server.echoPort, bodyBytes: bodyBytes, inFlight: inFlight, recorder: recorder,
      group: self.group)
    return Result(
      inFlight: inFlight, bodyBytes: bodyBytes, rpc: rpc, raw: try await recorder.measurement())
  }

  /// The tasks run on the connection's own loop, as a service's handlers do, so that no thread hop
  /// is measured which a service would not have.
  private func rpcLoad(inFlight: Int) async throws -> LoadMeasurement {
    let loop = self.group.next()
    let channel = RPCClient(
      address: .tcp(host: "127.0.0.1", port: self.server.rpcPort), group: self.group)
    defer { channel.shutdown() }
    let client = FramedrpcV1.TestServiceClient(channel)
    _ = try await client.echo(Self.request)
    let recorder = LoadRecorder(loop: loop, duration: self.duration)
    let executor = EventLoopTaskExecutor(loop: loop)
    try await withThrowingDiscardingTaskGroup { group in
      for _ in 0..<inFlight {
        group.addTask(executorPreference: executor) {
          var start = NIODeadline.now()
          repeat {
            _ = try await client.echo(Self.request)
            guard let next = recorder.finished(startedAt: start) else { return }
            start = next
          } while true
        }
      }
    }
    return try await recorder.measurement()
  }
}
