import Contracts
import FramedRPC
import FramedRPCConnect
import FramedRPCJSON
import JSON
import NIOCore
import Testing

@Suite("Connect: unary calls")
struct ConnectCallTests {
  @Test("unary/success: JSON both ways, 64-bit integers as strings")
  func json() async throws {
    try await withTestService { service async throws in
      let answer = await service.post(json: #"{"text":"안녕","number":"9007199254740993"}"#)
      #expect(answer.status == 200)
      #expect(answer.contentType == "application/json")
      #expect(answer.headers.isEmpty)
      #expect(try answer.json["text"] == "안녕")
      #expect(try answer.json["number"] == "9007199254740993")
    }
  }

  @Test("unary/success: proto both ways")
  func proto() async throws {
    try await withTestService { service async throws in
      let request = FramedrpcV1.EchoRequest(text: "hello", number: -1)
      let answer = await service.post(body: try request.encodedBytes())
      #expect(answer.status == 200)
      #expect(answer.contentType == "application/proto")
      let echo = try FramedrpcV1.EchoResponse(decoding: answer.body)
      #expect(echo.text == "hello")
      #expect(echo.number == -1)
    }
  }

  @Test("every kind of field survives the way through JSON")
  func everything() async throws {
    let full = FramedrpcV1.Everything(
      flag: true, small: -7, large: .min, smallNatural: .max, largeNatural: .max, real: 0.1,
      text: "수강 \"신청\"\n", raw: [0, 1, 0xFE, 0xFF], color: .green,
      inner: .init(name: "a", innermost: .init(value: 3)), numbers: [1, -1, 0, .max],
      texts: ["", "b"], inners: [.init(), .init(name: "c")], maybe: 0, maybeText: "",
      zigzag: .min, fixed: .max, single: 1.5)
    try await withTestService { service async throws in
      let transcoder = MessageTranscoder(
        FramedrpcV1.ReflectRequest.self, mapping: .canonical)
      let request = try transcoder.json(
        from: FramedrpcV1.ReflectRequest(everything: full).encodedBytes())
      let answer = await service.post("Reflect", json: request.text())
      #expect(try answer.json == request)
    }
  }

  @Test("unary/empty: no bytes are an empty message in proto and no JSON")
  func empty() async throws {
    try await withTestService { service async throws in
      #expect(await service.post(body: []).status == 200)
      #expect(await service.post(json: "{}").status == 200)
      let answer = await service.post(json: "")
      #expect(answer.status == 400)
      #expect(try answer.code == "invalid_argument")
    }
    let channel = ScriptedChannel { _ in ByteBuffer() }
    let answer = await ConnectService(channel).post(body: [])
    #expect(answer.status == 200)
    #expect(answer.body.isEmpty)
  }

  @Test("fields that are new to this side are passed over, in both codecs")
  func unknownFields() async throws {
    try await withTestService { service async throws in
      #expect(
        try await service.post(json: #"{"text":"a","tomorrow":[1,{}]}"#).json["text"] == "a")
      let answer = await service.post(body: [0x0A, 1, 0x61, 0xC0, 0x3E, 1])
      #expect(try FramedrpcV1.EchoResponse(decoding: answer.body).text == "a")
    }
  }

  @Test(
    "what is not the message is the client's mistake, with the place",
    arguments: [
      ("application/json", "{", "it is not JSON"), ("application/json", "[]", "a JSON object"),
      ("application/json", #"{"number":"x"}"#, "number: expected an integer"),
      ("application/proto", "\u{08}", "framedrpc.v1.EchoRequest"),
    ])
  func malformed(type: String, body: String, message: String) async throws {
    try await withTestService { service async throws in
      let answer = await service.post(body: Array(body.utf8), as: type)
      #expect(answer.status == 400)
      #expect(try answer.code == "invalid_argument")
      #expect(try answer.message?.contains(message) == true)
      #expect(
        try answer.json["details"]?[0]?["debug"]?["reason"] == "malformed-message")
    }
  }

  @Test("an answer that is not the method's response is the server's fault")
  func brokenServer() async throws {
    let channel = ScriptedChannel { _ in ByteBuffer(bytes: [0xFF]) }
    let answer = await ConnectService(channel).post()
    #expect(answer.status == 500)
    #expect(try answer.code == "internal")
  }

  // MARK: metadata

  @Test("the request id travels")
  func requestID() async throws {
    try await withTestService { service async throws in
      #expect(try await service.post().json["requestId"] == "request-7")
    }
  }

  @Test("custom headers become metadata: repeated, binary, padded and unpadded")
  func headers() async throws {
    let channel = ScriptedChannel()
    _ = await ConnectService(channel).post(
      "Echo",
      [
        ("x-conformance-test", "Value1"), ("x-conformance-test", "Value2"),
        ("x-some-bin", "AP8="), ("x-some-bin", "AP8, AQ"), ("traceparent", "00-1-2-01"),
      ])
    let metadata = try #require(channel.seen.first).call.options.metadata
    #expect(
      metadata.values(of: "x-conformance-test") == [Array("Value1".utf8), Array("Value2".utf8)])
    #expect(metadata.values(of: "x-some-bin") == [[0, 255], [0, 255], [1]])
    #expect(metadata["traceparent"] == "00-1-2-01")
  }

  @Test("what services trust among themselves and what is HTTP's does not become metadata")
  func keptOut() async throws {
    let channel = ScriptedChannel()
    _ = await ConnectService(channel).post(
      "Echo",
      [
        ("caller", "operator"), ("request-id", "forged"), ("x-request-id", "request-7"),
        ("host", "a"), ("user-agent", "b"), ("accept-encoding", "gzip"), ("cookie", "c"),
        ("authorization", "d"), ("connect-protocol-version", "1"), ("x-forwarded-for", "e"),
        ("problem-kind", "f"),
      ])
    let metadata = try #require(channel.seen.first).call.options.metadata
    #expect(metadata.entries.map(\.key) == ["request-id"])
    #expect(metadata["request-id"] == "request-7")
  }

  @Test("a binary header that is not base64 is the client's mistake, and so is too much")
  func badHeaders() async throws {
    let channel = ScriptedChannel()
    let service = ConnectService(channel)
    let broken = await service.post("Echo", [("x-some-bin", "%")])
    #expect(try broken.code == "invalid_argument")
    let many = await service.post("Echo", (0..<80).map { ("x-\($0)", "v") })
    #expect(try many.code == "invalid_argument")
    #expect(channel.seen.isEmpty)
  }

  // MARK: time

  @Test("Connect-Timeout-Ms is the call's inherited deadline, so that no circuit opens for it")
  func timeout() async throws {
    var options = ConnectService.Options()
    options.now = { .uptimeNanoseconds(1_000_000_000) }
    options.timeout = .seconds(3)
    let channel = ScriptedChannel()
    let service = ConnectService(channel, options: options)
    _ = await service.post("Echo", [("connect-timeout-ms", "250")])
    _ = await service.post("Echo", [("connect-timeout-ms", "9999999999")])
    _ = await service.post()
    let seen = channel.seen
    #expect(seen.map(\.call.options.timeout) == Array(repeating: .seconds(3), count: 3))
    #expect(seen[0].context?.deadline == .uptimeNanoseconds(1_250_000_000))
    #expect(
      seen[1].context?.deadline
        == .uptimeNanoseconds(1_000_000_000) + .milliseconds(9_999_999_999))
    #expect(seen[2].context == nil)
  }

  @Test("clients in a hurry open no circuit, a service that hangs for everybody does")
  func circuit() async throws {
    let hung = ScriptedChannel(failing: RPCError(.deadlineExceeded, "no answer"))
    var options = ConnectService.Options()
    options.now = { .uptimeNanoseconds(1_000_000_000) }
    let guarded = GuardedChannel(hung, now: options.now)
    let service = ConnectService(
      FramedrpcV1.TestService.descriptor, channel: guarded, options: options)
    for _ in 0..<50 {
      let answer = await service.post("Echo", [("connect-timeout-ms", "500")])
      #expect(answer.status == 504)
    }
    #expect(guarded.circuit == .closed)
    for _ in 0..<50 { _ = await service.post() }
    #expect(guarded.circuit == .open)
    let answer = await service.post()
    #expect(answer.status == 503)
    #expect(try answer.json["details"]?[0]?["debug"]?["reason"] == "circuit-open")
  }

  @Test("a time that has passed is a deadline exceeded, without a call")
  func noTime() async throws {
    try await withTestService { service async throws in
      let answer = await service.post("Echo", [("connect-timeout-ms", "0")])
      #expect(answer.status == 504)
      #expect(try answer.code == "deadline_exceeded")
    }
  }

  @Test(
    "a timeout that is no number of 1 to 10 digits",
    arguments: ["", "-1", "+1", "1.5", "1s", "12345678901", "٣"])
  func badTimeout(text: String) async throws {
    let channel = ScriptedChannel()
    let answer = await ConnectService(channel).post("Echo", [("connect-timeout-ms", text)])
    #expect(answer.status == 400)
    #expect(try answer.code == "invalid_argument")
    #expect(channel.seen.isEmpty)
  }
}
