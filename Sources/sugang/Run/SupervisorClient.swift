import ArgumentParser
import Contracts
import FramedRPC
import NIOPosix
import Supervisor

/// Reaches the supervisor of a running `sugang up`.
struct SupervisorClient: ParsableArguments {
  @Option(help: "The data folder that 'sugang up' was given (SUGANG_DATA; default: data).")
  var data: String?

  private var folder: String { self.data ?? Environment["SUGANG_DATA"] ?? "data" }

  /// Longer than a service may take to leave.
  static let options = CallOptions(timeout: .seconds(20))

  func call<Answer>(
    _ body: (SupervisorV1.SupervisorServiceClient) async throws -> Answer
  ) async throws -> Answer {
    let address = RPCAddress.unix(path: "\(self.folder)/supervisor.sock")
    let client = RPCClient(address: address, group: MultiThreadedEventLoopGroup.singleton)
    defer { client.shutdown() }
    do {
      return try await body(SupervisorV1.SupervisorServiceClient(client))
    } catch let error as RPCError {
      guard error.status == .unavailable else {
        throw CommandFailure(rpc: error, from: address)
      }
      throw CommandFailure(
        "no 'sugang up' runs with the data folder '\(self.folder)'; give its folder by --data")
    }
  }
}
