import ArgumentParser
import Foundation
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
      integers as numbers or strings, bytes in base64. A call that fails prints
      STATUS (reason): message and exits 1. The token in SUGANG_RPC_TOKEN is
      sent along, unless -H authorization: gives another one.

      Examples:
        sugang rpc call pay GetPayment -d '{"id": 1}'
        sugang rpc call 127.0.0.1:9083 PayService/Approve -d @request.json
        echo '{"id": 1}' | sugang rpc call pay GetPayment -d @- -H request-id:42
      """)

  @OptionGroup var server: ServerAddress

  @Argument(help: "The method: PayService/Approve, its whole name, or Approve.")
  var method: String

  @Option(
    name: [.short, .long],
    help: ArgumentHelp(
      "The request: JSON, @FILE, or @- for stdin (an empty request by default).",
      valueName: "json"))
  var data = "{}"

  @Option(
    name: [.customShort("H"), .long],
    help: ArgumentHelp("Metadata to send; may be repeated.", valueName: "key:value"))
  var header: [String] = []

  func run() async throws {
    let method = try MethodCatalog.known.method(named: self.method)
    let request = try self.request(for: method)
    let options = CallOptions(
      timeout: self.server.timeout.duration, metadata: try self.metadata())
    let answer = try await self.server.withClient { client in
      try await client.withToken().call(
        RPCCall(method: method.fullName, request: ByteBuffer(bytes: request), options: options))
    }
    do {
      let json = try MessageTranscoder(method.response).json(from: Array(answer.readableBytesView))
      Console.print(json.text(.pretty))
    } catch {
      throw CommandFailure("the server's answer cannot be read: \(error)")
    }
  }

  private func request(for method: MethodCatalog.Method) throws -> [UInt8] {
    do {
      let bytes = try self.dataBytes()
      let json = try JSONValue(parsing: bytes, limits: JSONLimits(maxBytes: bytes.count))
      return try MessageTranscoder(method.request).bytes(from: json)
    } catch let error as JSONError {
      throw CommandFailure("the request is not JSON: \(error)")
    } catch let error as TranscodingError {
      throw CommandFailure(
        "\(error)\n  'sugang rpc template \(method.shortName)' prints a request to fill in")
    }
  }

  private func dataBytes() throws(CommandFailure) -> [UInt8] {
    guard self.data.hasPrefix("@") else { return Array(self.data.utf8) }
    let path = String(self.data.dropFirst())
    if path == "-" {
      if Console.inputIsTerminal {
        Console.note("reading the request from this terminal; end it with Ctrl-D")
      }
      return try Console.input()
    }
    do {
      return Array(try Data(contentsOf: URL(filePath: path)))
    } catch {
      throw CommandFailure("cannot read the request from '\(path)': \(error.localizedDescription)")
    }
  }

  private func metadata() throws(CommandFailure) -> RPCMetadata {
    var metadata = RPCMetadata()
    for header in self.header {
      guard let colon = header.firstIndex(of: ":") else {
        throw CommandFailure("'-H \(header)' has no colon; write -H key:value")
      }
      let value = header[header.index(after: colon)...].drop { $0 == " " }
      do throws(RPCError) {
        try metadata.append(header[..<colon].lowercased(), String(value))
      } catch {
        throw CommandFailure("'-H \(header)': \(error.message)")
      }
    }
    return metadata
  }
}
