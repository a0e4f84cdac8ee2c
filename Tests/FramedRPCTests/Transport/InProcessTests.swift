import Contracts
import NIOCore
import NIOEmbedded
import Testing

@testable import FramedRPC

/// In virtual time: both ends on one loop.
@Suite("Inside the process: a slow reader slows its writer down")
struct InProcessTests {
  private let loop = EmbeddedEventLoop()
  private let handler = TestHandler()
  private let client: ClientConnection
  private let server: ServerConnection

  init() throws {
    let network = InProcessNetwork()
    let loop = self.loop
    let server = ServerConnection(
      loop: loop, limits: .standard,
      table: try MethodTable([FramedrpcV1.TestService.register(self.handler, on: .eventLoop)]),
      handlerTasks: HandlerTasks(loop: loop))
    self.server = server
    self.client = ClientConnection(
      loop: loop, limits: RPCLimits(maxQueuedBytes: 2 * 1024 * 1024))
    try network.listen("test", loop: loop) { server }
    try network.connect("test", self.client)
    loop.run()
  }

  private func reflect(bytes: Int) -> ClientBench.PendingCall {
    let call = ClientBench.PendingCall()
    let request = FramedrpcV1.ReflectRequest(
      everything: .init(raw: [UInt8](repeating: 1, count: bytes)))
    call.begin(
      FramedrpcV1.TestService.reflect.fullName, (try? request.encoded()) ?? ByteBuffer(),
      on: self.client, EventLoopTaskExecutor(loop: self.loop))
    self.loop.run()
    return call
  }

  @Test("requests queue while the server does not read, then calls are refused here")
  func requests() throws {
    self.server.setReading(false)
    let large = 500 * 1024
    let calls = (0..<5).map { _ in self.reflect(bytes: large) }
    let refused = calls.filter { $0.error?.status == .resourceExhausted }
    #expect(refused.count == 0, "2.5 MB were queued, the limit was passed by the last")
    #expect(self.reflect(bytes: 1).error?.status == .resourceExhausted)
    #expect(self.handler.snapshot.reflected == 0)
    self.server.setReading(true)
    self.loop.run()
    #expect(calls.allSatisfy { $0.message != nil })
    #expect(self.handler.snapshot.reflected == 5)
    #expect(self.reflect(bytes: 1).message != nil)
  }

  @Test("what had arrived is still read when the other end closes")
  func closeWhilePaused() throws {
    self.server.setReading(false)
    let call = self.reflect(bytes: 1)
    self.client.close(RPCError(.unavailable, "test"))
    self.loop.run()
    #expect(call.error?.status == .unavailable)
    #expect(self.handler.snapshot.reflected == 1)
    #expect(self.server.isEnded)
  }
}
