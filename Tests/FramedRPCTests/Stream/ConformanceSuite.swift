import Contracts
import FramedRPC
import NIOCore
import Testing

/// The kinds of calls that the conformance tests of Connect go through.
enum Kind: String, CaseIterable, CustomTestStringConvertible {
  case unary, clientStream, serverStream, bidiHalfDuplex, bidiFullDuplex

  var testDescription: String { self.rawValue }
}

/// The suites of Connect's conformance tests that are about every kind of call, by their names.
@Suite("Connect conformance, every kind of call", .timeLimit(.minutes(2)))
struct ConformanceSuite {
  typealias Request = FramedrpcV1.StreamRequest

  static let patient = CallOptions(timeout: nil)
  static let cases = Kind.allCases.flatMap { kind in Transport.allCases.map { (kind, $0) } }

  // MARK: cancellation

  struct Cancellation: CustomTestStringConvertible {
    let kind: Kind
    /// Whether the client has said everything.
    let isClosed: Bool
    /// Answers read before.
    let answers: Int

    var testDescription: String {
      let place =
        self.answers > 0
        ? "after-responses" : self.isClosed ? "after-close-send" : "before-close-send"
      return "\(self.kind.rawValue)/cancel-\(place)"
    }
  }

  static let cancellations = [
    Cancellation(kind: .clientStream, isClosed: false, answers: 0),
    Cancellation(kind: .clientStream, isClosed: true, answers: 0),
    Cancellation(kind: .serverStream, isClosed: true, answers: 0),
    Cancellation(kind: .serverStream, isClosed: true, answers: 2),
    Cancellation(kind: .bidiHalfDuplex, isClosed: false, answers: 0),
    Cancellation(kind: .bidiHalfDuplex, isClosed: true, answers: 0),
    Cancellation(kind: .bidiHalfDuplex, isClosed: true, answers: 2),
    Cancellation(kind: .bidiFullDuplex, isClosed: false, answers: 0),
    Cancellation(kind: .bidiFullDuplex, isClosed: true, answers: 0),
    Cancellation(kind: .bidiFullDuplex, isClosed: true, answers: 2),
  ]

  @Test("Client Cancellation", arguments: Self.cancellations, Transport.allCases)
  func cancellation(_ cancellation: Cancellation, _ transport: Transport) async throws {
    try await withConformer(transport) { conformer in
      let holding = Request(
        sizes: [Int32](repeating: 3, count: cancellation.answers), text: Conformer.hold)
      let call: RPCByteStream
      switch cancellation.kind {
      case .clientStream:
        let upload = try await conformer.streams.upload(options: Self.patient)
        try await upload.requests.write(holding)
        call = upload.requests.call
      case .serverStream:
        call = try await conformer.streams.download(holding, options: Self.patient).call
      case .bidiHalfDuplex, .bidiFullDuplex, .unary:
        let chat = try await conformer.streams.chat(options: Self.patient)
        if cancellation.kind == .bidiFullDuplex {
          try await chat.requests.write(Request(sizes: [1]))
          #expect(try await chat.responses.next()?.body.count == 1)
        }
        try await chat.requests.write(holding)
        call = chat.requests.call
      }
      if cancellation.isClosed { call.finishWriting() }
      for _ in 0..<cancellation.answers {
        #expect(try await call.next() != nil)
      }
      await conformer.handler.wait { $0.held == 1 }
      call.cancel()
      let error = await rpcError { _ = try await call.next() }
      #expect(error?.status == .cancelled)
      await conformer.handler.wait { $0.cancelled == 1 }
    }
  }

  // MARK: deadlines

  @Test("Timeouts: every kind expires as it should", arguments: Self.cases)
  func timeouts(_ kind: Kind, _ transport: Transport) async throws {
    try await withConformer(transport) { conformer in
      // The connection is there before the time runs.
      _ = try await conformer.unary.echo(.init(), options: Self.patient)
      let outcome = await conformer.call(
        kind, [Request(text: Conformer.hold)], CallOptions(timeout: .milliseconds(200)))
      #expect(outcome.error?.status == .deadlineExceeded)
      await conformer.handler.wait { $0.started == $0.ended }
    }
  }

  @Test("Deadline Propagation: the server sees what the client set", arguments: Self.cases)
  func deadlines(_ kind: Kind, _ transport: Transport) async throws {
    try await withConformer(transport) { conformer in
      let outcome = await conformer.call(
        kind, [Request(sizes: [1])], CallOptions(timeout: .seconds(1_000)))
      #expect(outcome.error == nil)
      let deadline = try #require(conformer.handler.deadlines.last ?? nil)
      #expect(deadline <= .now() + .seconds(1_000))
      #expect(deadline > .now())
      _ = await conformer.call(kind, [Request(sizes: [1])], Self.patient)
      #expect(conformer.handler.deadlines.last == .some(nil))
    }
  }

  // MARK: metadata

  @Test("Duplicate Metadata: success", arguments: Self.cases)
  func duplicateMetadata(_ kind: Kind, _ transport: Transport) async throws {
    try await withConformer(transport) { conformer in
      for sizes in [[1, 2], []] as [[Int32]] {
        let outcome = await conformer.call(
          kind, [Request(sizes: sizes)], try Conformer.options())
        #expect(outcome.error == nil)
        #expect(outcome.trailing.values(of: "x-trailing") == Conformer.twice)
        // A call with one answer has no beginning of its own.
        if kind != .unary, kind != .clientStream {
          #expect(outcome.answers == sizes.map { Int($0) })
          #expect(outcome.initial?.values(of: "x-initial") == Conformer.twice)
        }
      }
    }
  }

  @Test("Duplicate Metadata: error", arguments: Self.cases)
  func duplicateMetadataInErrors(_ kind: Kind, _ transport: Transport) async throws {
    try await withConformer(transport) { conformer in
      for sizes in [[1, 2], []] as [[Int32]] {
        let outcome = await conformer.call(
          kind, [Request(sizes: sizes, failWith: 9, text: "why")], try Conformer.options())
        #expect(outcome.error?.status == .failedPrecondition)
        #expect(outcome.error?.message == "why")
        #expect(outcome.error?.metadata.values(of: "x-error") == Conformer.twice)
        if kind != .unary, kind != .clientStream {
          #expect(outcome.answers == sizes.map { Int($0) })
          #expect(outcome.initial?.values(of: "x-initial") == Conformer.twice)
        }
      }
    }
  }

  // MARK: errors

  @Test(
    "Errors: every code, every kind, on the first and on a later request", arguments: Self.cases)
  func errors(_ kind: Kind, _ transport: Transport) async throws {
    try await withConformer(transport) { conformer in
      for status in RPCStatus.allCases where status != .ok {
        for isFirst in [true, false] {
          let failing = Request(failWith: Int32(status.rawValue), text: "Unicode ☺ 😈")
          let outcome = await conformer.call(
            kind,
            isFirst || kind == .unary || kind == .serverStream
              ? [failing] : [Request(), failing], Self.patient)
          #expect(outcome.error?.status == status)
          #expect(outcome.error?.message == "Unicode ☺ 😈")
        }
      }
    }
  }

  // MARK: soaks

  @Test("rpc_soak: 100 streams of each kind, one after the other", arguments: Transport.allCases)
  func streamSoak(_ transport: Transport) async throws {
    try await withConformer(transport) { conformer in
      for _ in 0..<100 {
        for kind in Kind.allCases {
          let outcome = await conformer.call(kind, [Request(sizes: [9])], Self.patient)
          #expect(outcome.error == nil)
        }
      }
      #expect(conformer.handler.counts.ended == 500)
    }
  }

  @Test("channel_soak: a client of its own for each of 100 calls", arguments: Transport.allCases)
  func channelSoak(_ transport: Transport) async throws {
    try await withConformer(transport) { conformer in
      for number in 0..<100 {
        let client = RPCClient(
          address: conformer.address, group: Endpoint.group,
          security: try transport.clientSecurity())
        let endpoint = ConformingEndpoint(
          server: conformer.server, address: conformer.address, channel: client,
          handler: conformer.handler)
        let kind = Kind.allCases[number % Kind.allCases.count]
        let outcome = await endpoint.call(kind, [Request(sizes: [9])], Self.patient)
        #expect(outcome.error == nil)
        client.shutdown()
      }
    }
  }

  @Test("thousands of simultaneous calls and timeouts", arguments: Transport.allCases)
  func simultaneous(_ transport: Transport) async throws {
    try await withConformer(transport) { conformer in
      _ = try await conformer.unary.echo(.init(), options: Self.patient)
      await withTaskGroup(of: Void.self) { group in
        for number in 0..<2_000 {
          group.addTask {
            let kind = Kind.allCases[number / 3 % Kind.allCases.count]
            if number.isMultiple(of: 3) {
              let outcome = await conformer.call(
                kind, [Request(text: Conformer.hold)], CallOptions(timeout: .milliseconds(300)))
              #expect(outcome.error?.status == .deadlineExceeded)
            } else {
              let outcome = await conformer.call(kind, [Request(sizes: [100])], Self.patient)
              #expect(outcome.error == nil)
            }
          }
        }
      }
      await conformer.handler.wait { $0.started == $0.ended }
    }
  }

  @Test("UserOnCloseWait: who waits for a call's end hears of a lost connection, once")
  func whenOver() async throws {
    try await withConformer(.tcp) { conformer in
      let chat = try await conformer.streams.chat(options: Self.patient)
      try await chat.requests.write(Request(sizes: [1]))
      #expect(try await chat.responses.next() != nil)
      async let error = withCheckedContinuation { continuation in
        chat.requests.call.whenOver { continuation.resume(returning: $0) }
      }
      await conformer.server.shutdown(grace: .zero)
      #expect(await error?.status == .unavailable)
      let again = await withCheckedContinuation { continuation in
        chat.requests.call.whenOver { continuation.resume(returning: $0) }
      }
      #expect(again?.status == .unavailable)
    }
  }

  // MARK: sizes

  @Test("a stream whose only request is over the limit says so", arguments: Transport.allCases)
  func largeOnlyRequest(_ transport: Transport) async throws {
    try await withConformer(transport, limits: RPCLimits(maxMessageBytes: 100_000)) { conformer in
      let request = Request(body: [UInt8](repeating: 1, count: 100_000))
      let outcome = await conformer.call(.serverStream, [request], Self.patient)
      #expect(outcome.error?.status == .resourceExhausted)
      #expect(conformer.handler.counts.requests == 0)
    }
  }

  @Test("Server Message Size: equal passes, more does not, every kind", arguments: Self.cases)
  func messageSize(_ kind: Kind, _ transport: Transport) async throws {
    let limit = 100_000
    try await withConformer(transport, limits: RPCLimits(maxMessageBytes: limit)) { conformer in
      for isFirst in [true, false] where isFirst || (kind != .unary && kind != .serverStream) {
        for (bytes, status) in [(limit, nil), (limit + 1, .resourceExhausted)]
          as [(Int, RPCStatus?)]
        {
          // A tag, a length of three bytes; the text of unary calls is in a field like the body.
          let request = Request(body: [UInt8](repeating: 0x61, count: bytes - 4))
          let encoded = try request.encoded()
          #expect(encoded.readableBytes == bytes)
          let outcome = await conformer.call(
            kind, isFirst ? [request] : [Request(), request], Self.patient)
          #expect(outcome.error?.status == status)
        }
      }
    }
  }

  @Test("Server Empty Requests and Empty Responses: a message of no bytes", arguments: Self.cases)
  func emptyMessages(_ kind: Kind, _ transport: Transport) async throws {
    try await withConformer(transport) { conformer in
      let outcome = await conformer.call(kind, [Request()], Self.patient)
      #expect(outcome.error == nil)
      #expect(conformer.handler.counts.requests == 1)
      if kind != .unary, kind != .clientStream {
        let answers = await conformer.call(kind, [Request(sizes: [0, 0])], Self.patient)
        #expect(answers.answers == [0, 0])
      }
    }
  }
}
