import ArgumentParser
import FramedRPC
import FramedRPCJSON
import JSON
import NIOCore

/// `sugang rpc call`: one call, with JSON both ways.
struct RPCCallCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "call",
    abstract: "Call a method with a JSON request and print its answer as JSON.",
    usage: "sugang rpc call <address> <method> [-d <json>] [-H <key:value> ...] [--timeout <time>]",
    discussion: """
      Fields may be written in lowerCamelCase or as in the .proto file, 64-bit
      integers as numbers or strings, bytes in base64. What the method takes and
      gives is asked of the server.

      A call that fails prints STATUS (reason): message and exits with 64 + the
      status's number: 67 for INVALID_ARGUMENT, 69 for NOT_FOUND, 78 for UNAVAILABLE.

      Examples:
        sugang rpc call pay GetPayment -d '{"id": 1}'
        sugang rpc call 127.0.0.1:9083 PayService/Approve -d @request.json
        echo '{"id": 1}' | sugang rpc call pay GetPayment -d @- -H request-id:42
      """)

  @OptionGroup var server: ServerAddress
  @OptionGroup var target: MethodArgument
  @OptionGroup var request: RequestArguments

  @Flag(help: "Print the error of a call that fails as JSON, on stderr.")
  var json = false

  func run() async throws {
    do {
      try await self.call()
    } catch let failure as CommandFailure where self.json && failure.rpc != nil {
      throw CommandFailure(asJSON: failure)
    }
  }

  private func call() async throws {
    var options = self.server.callOptions
    let data = try self.request.dataBytes()
    let metadata = try self.request.parsedMetadata()
    try await self.server.withClient { client in
      let method = try await DescribedMethod.find(self.target.method, on: client, options)
      options.metadata = metadata
      guard method.method.kind == .unary else {
        throw CommandFailure("\(method.method.shortName) streams")
      }
      let request = try method.request(from: data)
      let answer = try await client.call(
        RPCCall(
          method: method.method.fullName, request: ByteBuffer(bytes: request), options: options))
      Console.print(try method.json(of: answer).text(.pretty))
    }
  }
}

extension DescribedMethod {
  /// The request that JSON describes, as protobuf's bytes.
  func request(from data: [UInt8]) throws(CommandFailure) -> [UInt8] {
    do {
      let json = try JSONValue(parsing: data, limits: JSONLimits(maxBytes: data.count))
      return try MessageTranscoder(self.request).bytes(from: json)
    } catch let error as TranscodingError {
      throw CommandFailure(
        "\(error)\n  'sugang rpc template ADDRESS \(self.method.shortName)' prints a request to "
          + "fill in")
    } catch {
      throw CommandFailure("the request is not JSON: \(error)")
    }
  }

  func json(of answer: ByteBuffer) throws(CommandFailure) -> JSONValue {
    do throws(TranscodingError) {
      return try MessageTranscoder(self.response).json(from: Array(answer.readableBytesView))
    } catch {
      throw CommandFailure("the server's answer cannot be read: \(error)")
    }
  }
}
