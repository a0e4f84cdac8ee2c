import Contracts
import FramedRPC
import NIOCore
import Testing

/// The same streams over TCP, a Unix socket and inside the process. Names before a colon are those of
/// the interoperability tests of gRPC, Connect and ttrpc.
@Suite("Streams over every transport", .timeLimit(.minutes(2)))
struct StreamSuite {
  typealias Request = FramedrpcV1.StreamRequest

  static let patient = CallOptions(timeout: nil)

  @Test("client_streaming: four messages, one sum", arguments: Transport.allCases)
  func clientStreaming(_ transport: Transport) async throws {
    try await withStreams(transport) { streams in
      let upload = try await streams.client.upload(options: Self.patient)
      for size in [27_182, 8, 1_828, 45_904] {
        try await upload.requests.write(Request(body: [UInt8](repeating: 0, count: size)))
      }
      let answer = try await upload.response()
      #expect(answer.totalBytes == 74_922)
      #expect(answer.messages == 4)
    }
  }

  @Test("client-stream/no-requests: the answer to nothing", arguments: Transport.allCases)
  func emptyUpload(_ transport: Transport) async throws {
    try await withStreams(transport) { streams in
      let answer = try await streams.client.upload(options: Self.patient).response()
      #expect(answer == FramedrpcV1.StreamResponse())
    }
  }

  @Test("server_streaming: four answers in their order", arguments: Transport.allCases)
  func serverStreaming(_ transport: Transport) async throws {
    try await withStreams(transport) { streams in
      let sizes: [Int32] = [31_415, 9, 2_653, 58_979]
      var received: [Int32] = []
      for try await answer in try await streams.client.download(
        Request(sizes: sizes), options: Self.patient)
      {
        received.append(Int32(answer.body.count))
      }
      #expect(received == sizes)
    }
  }

  @Test("server-stream/no-responses: an end and nothing before it", arguments: Transport.allCases)
  func emptyDownload(_ transport: Transport) async throws {
    try await withStreams(transport) { streams in
      let answers = try await streams.client.download(Request(), options: Self.patient)
      #expect(try await answers.next() == nil)
      #expect(try await answers.next() == nil, "the end stays the end")
    }
  }

  @Test("ping_pong: four requests and answers in lock step", arguments: Transport.allCases)
  func pingPong(_ transport: Transport) async throws {
    try await withStreams(transport) { streams in
      let chat = try await streams.client.chat(options: Self.patient)
      for (up, down) in [(27_182, 31_415), (8, 9), (1_828, 2_653), (45_904, 58_979)] {
        try await chat.requests.write(
          Request(sizes: [Int32(down)], body: [UInt8](repeating: 0, count: up)))
        let answer = try await chat.responses.next()
        #expect(answer?.body.count == down)
      }
      chat.requests.finish()
      #expect(try await chat.responses.next() == nil)
    }
  }

  @Test("empty_stream: half-closed at once, no answers, OK", arguments: Transport.allCases)
  func emptyStream(_ transport: Transport) async throws {
    try await withStreams(transport) { streams in
      let chat = try await streams.client.chat(options: Self.patient)
      chat.requests.finish()
      #expect(try await chat.responses.next() == nil)
    }
  }

  @Test("EmptyPayloadStream: messages of no bytes are messages", arguments: Transport.allCases)
  func emptyMessages(_ transport: Transport) async throws {
    try await withStreams(transport) { streams in
      let upload = try await streams.client.upload(options: Self.patient)
      for _ in 0..<100 {
        try await upload.requests.write(Request())
      }
      #expect(try await upload.response().messages == 100)
      var answers = 0
      for try await answer in try await streams.client.download(
        Request(sizes: [0], times: 1_000), options: Self.patient)
      {
        #expect(answer.body.isEmpty)
        answers += 1
      }
      #expect(answers == 1_000)
    }
  }

  @Test("bidi half-duplex: all requests, then all answers", arguments: Transport.allCases)
  func halfDuplex(_ transport: Transport) async throws {
    try await withStreams(transport) { streams in
      let chat = try await streams.client.chat(options: Self.patient)
      for number in 1...50 as ClosedRange<Int32> {
        try await chat.requests.write(Request(sizes: [number]))
      }
      chat.requests.finish()
      var sizes: [Int] = []
      for try await answer in chat.responses {
        sizes.append(answer.body.count)
      }
      #expect(sizes == Array(1...50))
    }
  }

  @Test("large messages travel in chunks, up and down", arguments: Transport.allCases)
  func largeMessages(_ transport: Transport) async throws {
    try await withStreams(transport) { streams in
      let chat = try await streams.client.chat(options: Self.patient)
      let body = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
      for size in [65_515, 65_516, 65_536, 65_537, 131_072, 3_500_000] as [Int32] {
        try await chat.requests.write(Request(sizes: [size], body: body))
        let answer = try await chat.responses.next()
        #expect(answer?.body.count == Int(size))
      }
      chat.requests.finish()
      #expect(try await chat.responses.next() == nil)
    }
  }

  @Test(
    "custom_metadata: with the beginning and the end of the answers", arguments: Transport.allCases)
  func customMetadata(_ transport: Transport) async throws {
    try await withStreams(transport) { streams in
      var options = Self.patient
      try options.metadata.append("echo-initial", "test_initial_metadata_value")
      try options.metadata.append("echo-initial", "again")
      try options.metadata.append("echo-trailing", [0xAB, 0xAB, 0xAB])
      let chat = try await streams.client.chat(options: options)
      try await chat.requests.write(Request(sizes: [1]))
      chat.requests.finish()
      #expect(try await chat.responses.next()?.body.count == 1)
      #expect(
        chat.responses.call.initialMetadata?.values(of: "echo-initial")
          == [Array("test_initial_metadata_value".utf8), Array("again".utf8)])
      #expect(try await chat.responses.next() == nil)
      #expect(
        chat.responses.call.trailingMetadata.values(of: "echo-trailing") == [[0xAB, 0xAB, 0xAB]])
      let upload = try await streams.client.upload(options: options)
      _ = try await upload.response()
      #expect(
        upload.requests.call.trailingMetadata.values(of: "echo-trailing") == [[0xAB, 0xAB, 0xAB]])
    }
  }

  @Test("every error arrives after the answers before it", arguments: Transport.allCases)
  func errors(_ transport: Transport) async throws {
    try await withStreams(transport) { streams in
      for status in RPCStatus.allCases where status != .ok {
        for sizes in [[], [1, 2, 3]] as [[Int32]] {
          let answers = try await streams.client.download(
            Request(
              sizes: sizes, failWith: Int32(status.rawValue), text: "☺ \(status.name)"),
            options: Self.patient)
          var received: [Int32] = []
          let error = await rpcError {
            while let answer = try await answers.next() {
              received.append(Int32(answer.body.count))
            }
          }
          #expect(received == sizes)
          #expect(error?.status == status)
          #expect(error?.message == "☺ \(status.name)")
          #expect(error?.metadata["detail"] == "one")
        }
      }
    }
  }

  @Test(
    "client-stream/error: it ends the uploading while requests are written",
    arguments: Transport.allCases)
  func uploadFails(_ transport: Transport) async throws {
    try await withStreams(transport) { streams in
      let upload = try await streams.client.upload(options: Self.patient)
      try await upload.requests.write(Request(failWith: 9, text: "enough"))
      // Some more may leave before the error comes; it ends the writing in bounded time.
      let writing = await rpcError {
        while true {
          try await upload.requests.write(Request(body: [UInt8](repeating: 0, count: 10_000)))
        }
      }
      #expect(writing?.status == .failedPrecondition)
      let error = await rpcError { _ = try await upload.response() }
      #expect(error?.status == .failedPrecondition)
      #expect(error?.message == "enough")
    }
  }

  @Test("unimplemented_method: a stream learns it too", arguments: Transport.allCases)
  func unimplemented(_ transport: Transport) async throws {
    try await withStreams(transport) { streams in
      let stream = try await streams.channel.open(
        RPCCall(
          method: "framedrpc.v1.StreamTestService/Nothing", request: ByteBuffer(),
          options: Self.patient), kind: .bidirectional)
      let error = await rpcError { _ = try await stream.next() }
      #expect(error?.status == .unimplemented)
      #expect(error?.notProcessed == true)
    }
  }

  @Test("no-request and multiple-requests where one is due", arguments: Transport.allCases)
  func unexpectedRequests(_ transport: Transport) async throws {
    try await withStreams(transport) { streams in
      for (count, reason) in [(0, "no-request"), (2, "many-requests")] {
        let stream = try await streams.channel.open(
          RPCCall(
            method: FramedrpcV1.StreamTestService.download.fullName, request: ByteBuffer(),
            options: Self.patient), kind: .bidirectional)
        for _ in 0..<count {
          try? await stream.write(ByteBuffer())
        }
        stream.finishWriting()
        let error = await rpcError { _ = try await stream.next() }
        #expect(error?.status == .invalidArgument)
        #expect(error?.reason == reason)
      }
    }
  }

  @Test("multiple-responses and ok-but-no-response where one is due", arguments: Transport.allCases)
  func unexpectedResponses(_ transport: Transport) async throws {
    try await withStreams(transport) { streams in
      for times in [0, 2] as [Int32] {
        let request = try Request(sizes: times == 0 ? [] : [1], times: times).encoded()
        let error = await rpcError {
          _ = try await streams.channel.call(
            RPCCall(
              method: FramedrpcV1.StreamTestService.download.fullName, request: request,
              options: Self.patient))
        }
        #expect(error?.status == .internal)
      }
    }
  }

  @Test("bytes that are no message end their call only", arguments: Transport.allCases)
  func malformed(_ transport: Transport) async throws {
    try await withStreams(transport) { streams in
      let stream = try await streams.channel.open(
        RPCCall(
          method: FramedrpcV1.StreamTestService.chat.fullName, request: ByteBuffer(),
          options: Self.patient), kind: .bidirectional)
      try await stream.write(ByteBuffer(bytes: [0xFF, 0xFF]))
      let error = await rpcError { _ = try await stream.next() }
      #expect(error?.status == .invalidArgument)
      #expect(error?.reason == "malformed-message")
      #expect(try await streams.client.upload(options: Self.patient).response().messages == 0)
    }
  }
}
