import FramedRPC
import Testing

@testable import sugang

@Suite("What the command line says of a failed call")
struct RPCFailureTests {
  private static let address = RPCAddress.tcp(host: "127.0.0.1", port: 8083)

  @Test("a port that speaks HTTP is named as one, with the port to try")
  func http() {
    let error = RPCError(
      .unavailable, "the connection was refused: \(ProtocolViolation.http.message)")
    let message = CommandFailure(rpc: error, from: Self.address).message
    #expect(message.contains("this port speaks HTTP"))
    #expect(message.contains("try 127.0.0.1:9083"))
  }

  @Test("a method that is not offered comes with how to see which are")
  func unimplemented() {
    let error = RPCError(.unimplemented, "there is no such method")
    let message = CommandFailure(rpc: error, from: Self.address).message
    #expect(message.hasSuffix("\n  'sugang rpc list 127.0.0.1:8083' shows what the server offers"))
  }

  @Test("metadata is one line each")
  func metadata() throws {
    var metadata = RPCMetadata()
    try metadata.append("problem-field", "fee\nmust be a number\u{1B}[2J")
    let error = RPCError(.invalidArgument, "no", reason: "invalid", metadata: metadata)
    let message = CommandFailure(rpc: error, from: Self.address).message
    #expect(
      message == "INVALID_ARGUMENT (invalid): no\n  problem-field: fee: must be a number\\u{1B}[2J")
  }
}
