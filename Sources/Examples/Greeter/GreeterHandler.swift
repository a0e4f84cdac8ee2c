import Contracts
import FramedRPC

/// Answers GreeterService.
struct GreeterHandler: ExampleV1.GreeterServiceHandler {
  func sayHello(
    _ request: ExampleV1.HelloRequest, _ context: RPCContext
  ) async throws -> ExampleV1.HelloResponse {
    guard !request.name.isEmpty else {
      throw RPCError(.invalidArgument, "there is nobody to greet", reason: "no-name")
    }
    return ExampleV1.HelloResponse(greeting: "Hello, \(request.name)!")
  }

  func count(
    _ request: ExampleV1.CountRequest, _ responses: RPCWriter<ExampleV1.CountResponse>,
    _ context: RPCContext
  ) async throws {
    guard request.last >= 1 else {
      throw RPCError(.outOfRange, "counting begins at 1")
    }
    for number in 1...request.last {
      try await responses.write(ExampleV1.CountResponse(number: number))
    }
  }
}
