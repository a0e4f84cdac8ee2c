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
      gives is asked of the server. The token in SUGANG_RPC_TOKEN is sent along,
      unless -H authorization: gives another one.

      A method that takes a stream is sent each of the JSON values of -d, which may
      stand in lines. The answers of one that gives a stream are printed as they come,
      a line each.

      A call that fails prints STATUS (reason): message and exits with 64 + the
      number of the status: 67 for INVALID_ARGUMENT, 69 for NOT_FOUND, 78 for UNAVAILABLE.

      Examples:
        sugang rpc call pay GetPayment -d '{"id": 1}'
        sugang rpc call 127.0.0.1:9083 PayService/Approve -d @request.json
        sugang rpc call pay HealthService/Watch
        echo '{"id": 1}' | sugang rpc call pay GetPayment -d @- -H request-id:42
      """)

  @OptionGroup var server: ServerAddress
  @OptionGroup var target: MethodArgument
  @OptionGroup var request: RequestArguments

  @Flag(name: .shortAndLong, help: "Print the metadata of the answer, on stderr.")
  var verbose = false

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
    let values = JSONValues.split(try self.request.dataBytes())
    let metadata = try self.request.parsedMetadata()
    try await self.server.withChannel { client in
      var options = self.server.callOptions
      let method = try await DescribedMethod.find(self.target.method, on: client, options)
      guard let kind = method.method.kind.rpcKind else {
        throw CommandFailure(
          "\(method.method.shortName) is of a kind that this build does not know")
      }
      let requests = try values.map { ByteBuffer(bytes: try method.request(from: $0)) }
      guard kind.clientStreams || requests.count == 1 else {
        throw CommandFailure(
          "\(method.method.shortName) takes one request, not \(requests.count)")
      }
      options.metadata = metadata
      let name = method.method.fullName
      guard kind != .unary else {
        if self.verbose {
          options.onResponseMetadata = { Self.show("trailer", $0) }
        }
        let answer = try await client.call(
          RPCCall(method: name, request: requests[0], options: options))
        return Console.print(try method.json(of: answer).text(.pretty))
      }
      options.timeout = self.server.timeout?.duration
      let first = kind.clientStreams ? ByteBuffer() : requests[0]
      let stream = try await client.open(
        RPCCall(method: name, request: first, options: options), kind: kind)
      try await self.converse(stream, kind.clientStreams ? requests : [], method)
    }
  }

  /// Writes the requests and, at the same time, prints each answer as it comes.
  private func converse(
    _ stream: RPCByteStream, _ requests: [ByteBuffer], _ method: DescribedMethod
  ) async throws {
    let writing = Task {
      for request in requests {
        try await stream.write(request)
      }
      stream.finishWriting()
    }
    // When the call fails, its own error says why, and the reader has it.
    defer { writing.cancel() }
    var isFirst = true
    while let answer = try await stream.next() {
      if isFirst, self.verbose, let metadata = stream.initialMetadata {
        Self.show("header", metadata)
      }
      isFirst = false
      Console.print(try method.json(of: answer).text(.compact))
    }
    if self.verbose { Self.show("trailer", stream.trailingMetadata) }
  }

  private static func show(_ what: String, _ metadata: RPCMetadata) {
    for entry in metadata.entries {
      Console.note("\(what) \(entry.key): \(CommandFailure.text(of: entry))")
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
