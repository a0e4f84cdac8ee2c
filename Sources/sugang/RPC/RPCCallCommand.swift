import ArgumentParser
import FramedRPC
import FramedRPCJSON
import JSON
import NIOCore
import Synchronization

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
      stand in lines; from @- and @FILE each is sent as it is read, so that a pipe can
      feed the stream for as long as it likes, as fast as the server reads. A value that
      is no request cancels the call. The answers of a method that gives a stream are
      printed as they come, a line each.

      A call that fails prints STATUS (reason): message and exits with 64 + the
      number of the status: 67 for INVALID_ARGUMENT, 69 for NOT_FOUND, 78 for UNAVAILABLE.

      Examples:
        sugang rpc call pay GetPayment -d '{"id": 1}'
        sugang rpc call 127.0.0.1:9083 PayService/Approve -d @request.json
        sugang rpc call pay HealthService/Watch
        echo '{"id": 1}' | sugang rpc call pay GetPayment -d @- -H request-id:42
        (echo '{"sizes": [1]}'; sleep 5; echo '{"sizes": [2]}') \\
          | sugang rpc call 127.0.0.1:9000 StreamTestService/Chat -d @-
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
    let lines = try self.request.lines()
    let metadata = try self.request.parsedMetadata()
    try await self.server.withChannel { client in
      var options = self.server.callOptions
      let method = try await DescribedMethod.find(self.target.method, on: client, options)
      guard let kind = method.method.kind.rpcKind else {
        throw CommandFailure(
          "\(method.method.shortName) is of a kind that this build does not know")
      }
      options.metadata = metadata
      let name = method.method.fullName
      guard !kind.clientStreams else {
        options.timeout = self.server.timeout?.duration
        let requests = Requests(lines, of: method)
        let checked = try await self.request.isLiteral ? requests.all() : requests
        let stream = try await client.open(
          RPCCall(method: name, request: ByteBuffer(), options: options), kind: kind)
        return try await self.converse(stream, checked, method)
      }
      let request = try await Self.onlyRequest(lines, method)
      guard kind != .unary else {
        if self.verbose {
          options.onResponseMetadata = { Self.show("trailer", $0) }
        }
        let answer = try await client.call(
          RPCCall(method: name, request: request, options: options))
        return Console.print(try method.json(of: answer).text(.pretty))
      }
      options.timeout = self.server.timeout?.duration
      let stream = try await client.open(
        RPCCall(method: name, request: request, options: options), kind: kind)
      try await self.printAnswers(of: stream, method)
    }
  }

  private static func onlyRequest(
    _ lines: RequestLines, _ method: DescribedMethod
  ) async throws -> ByteBuffer {
    var lines = lines
    let name = method.method.shortName
    guard let value = try await lines.next() else {
      throw CommandFailure("\(name) takes one request, not 0")
    }
    guard try await lines.next() == nil else {
      throw CommandFailure("\(name) takes one request, not 2 or more")
    }
    return ByteBuffer(bytes: try method.request(from: value.bytes))
  }

  /// Writes each request as it comes and, at the same time, prints each answer as it comes.
  private func converse(
    _ stream: RPCByteStream, _ requests: Requests, _ method: DescribedMethod
  ) async throws {
    let badRequest = Mutex<(any Error)?>(nil)
    let writing = Task {
      do {
        var requests = requests
        while let request = try await requests.next() {
          try await stream.write(request)
        }
        stream.finishWriting()
      } catch {
        // When the call has failed, its own error says why, and the reader has it.
        guard !(error is RPCError || error is CancellationError) else { return }
        badRequest.withLock { $0 = error }
        stream.cancel()
      }
    }
    // It may wait for stdin; nobody waits for it.
    defer { writing.cancel() }
    do {
      try await self.printAnswers(of: stream, method)
    } catch {
      throw badRequest.withLock { $0 } ?? error
    }
    if let error = badRequest.withLock({ $0 }) { throw error }
  }

  private func printAnswers(of stream: RPCByteStream, _ method: DescribedMethod) async throws {
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

/// The requests of a stream, each made of a JSON value when it is its turn.
private struct Requests {
  private var lines: RequestLines
  private let method: DescribedMethod
  /// Those that are made already.
  private var made: ArraySlice<ByteBuffer> = []

  init(_ lines: RequestLines, of method: DescribedMethod) {
    self.lines = lines
    self.method = method
  }

  /// - Throws: ``CommandFailure`` with the line of a value that is no request.
  mutating func next() async throws -> ByteBuffer? {
    if let request = self.made.popFirst() { return request }
    guard let value = try await self.lines.next() else { return nil }
    do throws(CommandFailure) {
      return ByteBuffer(bytes: try self.method.request(from: value.bytes))
    } catch {
      throw CommandFailure("line \(value.line): \(error.message)")
    }
  }

  /// The same with all of them made, so that nothing is sent when one is wrong.
  func all() async throws -> Requests {
    var rest = self
    var made: [ByteBuffer] = []
    while let request = try await rest.next() {
      made.append(request)
    }
    rest.made = made[...]
    return rest
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
