import Contracts
import FramedRPC
import Synchronization
import Testing

@Suite("A service that is observed")
struct ObservedServiceTests {
  @Test("tells of each answer and each error, and changes neither", arguments: Transport.allCases)
  func tells(_ transport: Transport) async throws {
    let seen = Mutex<[String]>([])
    let service = FramedrpcV1.TestService.register(TestHandler(), on: .eventLoop)
      .observed { context, error, _ in
        let status = error.map { ($0 as? RPCError)?.status ?? .internal } ?? .ok
        seen.withLock { $0.append("\(context.method) \(status.rawValue)") }
      }
    try await withEndpoint(transport, service: service) { endpoint in
      let answer = try await endpoint.client.echo(.init(number: 7), options: CallSuite.patient)
      #expect(answer.number == 7)
      let error = await rpcError {
        _ = try await endpoint.client.echo(
          .init(failWith: Int32(RPCStatus.notFound.rawValue)), options: CallSuite.patient)
      }
      #expect(error?.status == .notFound)
    }
    #expect(
      seen.withLock { $0 } == [
        "framedrpc.v1.TestService/Echo 0", "framedrpc.v1.TestService/Echo 5",
      ])
  }
}
