import FramedRPC
import FramedRPCConnect
import FramedRPCJSON
import JSON
import Testing

@Suite("Connect: errors")
struct ConnectErrorTests {
  /// The table of the protocol reference.
  private static let table: [(RPCStatus, String, Int)] = [
    (.cancelled, "canceled", 499), (.unknown, "unknown", 500),
    (.invalidArgument, "invalid_argument", 400), (.deadlineExceeded, "deadline_exceeded", 504),
    (.notFound, "not_found", 404), (.alreadyExists, "already_exists", 409),
    (.permissionDenied, "permission_denied", 403),
    (.resourceExhausted, "resource_exhausted", 429),
    (.failedPrecondition, "failed_precondition", 400), (.aborted, "aborted", 409),
    (.outOfRange, "out_of_range", 400), (.unimplemented, "unimplemented", 501),
    (.internal, "internal", 500), (.unavailable, "unavailable", 503),
    (.dataLoss, "data_loss", 500), (.unauthenticated, "unauthenticated", 401),
  ]

  @Test("unary/<code>: all 16, with their HTTP statuses", arguments: table)
  func codes(status: RPCStatus, code: String, http: Int) async throws {
    try await withTestService { service async throws in
      let answer = await service.post(
        json: #"{"text":"a message","failWith":\#(status.rawValue)}"#)
      #expect(answer.status == http)
      #expect(answer.contentType == "application/json")
      #expect(try answer.code == code)
      #expect(try answer.message == "a message")
    }
  }

  @Test("there is a word for each status")
  func complete() {
    #expect(Set(Self.table.map(\.0)) == Set(RPCStatus.allCases).subtracting([.ok]))
  }

  @Test("the error is JSON also when the messages are not")
  func protoCodec() async throws {
    try await withTestService { service async throws in
      // fail_with: 5
      let answer = await service.post(body: [0x20, 5])
      #expect(answer.status == 404)
      #expect(answer.contentType == "application/json")
      #expect(try answer.code == "not_found")
      #expect(try answer.json["message"] == nil)
    }
  }

  @Test("unary/error-with-metadata: trailers, in order, repeated and binary")
  func metadata() async throws {
    try await withTestService { service async throws in
      let answer = await service.post(json: #"{"text":"no","failWith":16}"#)
      #expect(answer.values(of: "Trailer-x-detail") == ["one", "two"])
      #expect(answer.values(of: "Trailer-x-detail-bin") == ["AP8"])
    }
  }

  @Test("unary/unicode-error-message")
  func unicode() async throws {
    let message = "\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\n"
    let channel = ScriptedChannel(failing: RPCError(.internal, message))
    #expect(try await ConnectService(channel).post().message == message)
  }

  @Test("the reason is a google.rpc.ErrorInfo")
  func reason() async throws {
    let channel = ScriptedChannel(
      failing: RPCError(.failedPrecondition, "no", reason: "fee-mismatch"))
    let detail = try await ConnectService(channel).post().json["details"]?[0]
    #expect(detail?["type"] == "google.rpc.ErrorInfo")
    let value = try #require(detail?["value"]?.string)
    #expect(!value.contains("="))
    let bytes = try #require(Base64.decode(value))
    #expect(
      String(decoding: bytes, as: UTF8.self)
        == "\u{0A}\u{0C}fee-mismatch\u{12}\u{18}framedrpc.v1.TestService")
    #expect(
      detail?["debug"]
        == ["reason": "fee-mismatch", "domain": "framedrpc.v1.TestService"])
  }

  @Test("more details come after it, as the owner of the service words them")
  func moreDetails() async throws {
    var options = ConnectService.Options()
    options.details = { _ in [.badRequest([("fee", "is missing")]), .retryInfo(seconds: 2)] }
    let channel = ScriptedChannel(failing: RPCError(.invalidArgument, "no", reason: "invalid"))
    let details = try await ConnectService(channel, options: options).post().json["details"]
    #expect(details?[0]?["type"] == "google.rpc.ErrorInfo")
    #expect(details?[1]?["type"] == "google.rpc.BadRequest")
    #expect(
      details?[1]?["value"]?.string.flatMap { Base64.decode($0) }
        == [0x0A, 17, 0x0A, 3] + Array("fee".utf8) + [0x12, 10] + Array("is missing".utf8))
    #expect(details?[2]?["type"] == "google.rpc.RetryInfo")
    #expect(details?[2]?["value"]?.string.flatMap { Base64.decode($0) } == [0x0A, 2, 0x08, 2])
    #expect(details?[2]?["debug"] == ["retryDelay": "2s"])
  }

  @Test("what the runtime says of a server that is away names addresses: it is not told")
  func addresses() async throws {
    let away = ScriptedChannel(
      failing: RPCError(.unavailable, "cannot connect to 10.0.0.7:9083: refused"))
    let answer = await ConnectService(away).post()
    #expect(answer.status == 503)
    #expect(try answer.message == "the service cannot answer now")
    let busy = ScriptedChannel(
      failing: RPCError(.unavailable, "come later", reason: "pay-closed"))
    #expect(try await ConnectService(busy).post().message == "come later")
  }

  @Test("metadata that is no header is left out, and so are Connect's own keys")
  func unprintable() async throws {
    var metadata = RPCMetadata()
    try metadata.append("problem-field", "fee\nis missing")
    try metadata.append("note", "수강")
    try metadata.append("connect-secret", "x")
    try metadata.append("kept", "yes")
    let channel = ScriptedChannel(failing: RPCError(.aborted, "no", metadata: metadata))
    let answer = await ConnectService(channel).post()
    #expect(answer.headers.map(\.name) == ["Trailer-kept"])
  }
}
