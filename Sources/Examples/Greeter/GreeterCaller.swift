import Contracts
import FramedRPC

/// Calls GreeterService.
struct GreeterCaller {
  let client: ExampleV1.GreeterServiceClient

  init(_ channel: some RPCChannel) {
    self.client = ExampleV1.GreeterServiceClient(channel)
  }

  func hello(_ name: String) async throws -> String {
    let response = try await self.client.sayHello(ExampleV1.HelloRequest(name: name))
    return response.greeting
  }

  /// Waits no longer than `timeout`, the connecting included.
  func hello(_ name: String, within timeout: Duration) async throws -> String {
    let options = CallOptions(timeout: timeout)
    return try await self.client.sayHello(.init(name: name), options: options).greeting
  }

  /// Greets the world when there is nobody else.
  func helloToSomebody(_ name: String) async throws -> String {
    do {
      return try await self.hello(name)
    } catch let error as RPCError where error.reason == "no-name" {
      return try await self.hello("world")
    }
  }

  func count(to last: Int32) async throws -> [Int32] {
    var numbers: [Int32] = []
    let options = CallOptions(timeout: nil)
    for try await response in try await self.client.count(.init(last: last), options: options) {
      numbers.append(response.number)
    }
    return numbers
  }

  /// The first numbers of a row that nobody wants to hear to its end.
  func firstNumbers(_ wanted: Int) async throws -> [Int32] {
    let responses = try await self.client.count(.init(last: .max))
    var numbers: [Int32] = []
    while numbers.count < wanted, let response = try await responses.next() {
      numbers.append(response.number)
    }
    return numbers
  }
}
