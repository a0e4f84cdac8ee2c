import Contracts
import FramedRPC
import NIOCore
import Testing

/// What a stream that is not read, given up or late does to itself and to the others: nothing to the
/// others.
@Suite("Flow control, cancellation and deadlines of streams", .timeLimit(.minutes(2)))
struct FlowControlSuite {
  typealias Request = FramedrpcV1.StreamRequest

  static let patient = CallOptions(timeout: nil)
  static let kilobyte = [UInt8](repeating: 1, count: 1024)

  @Test(
    "StreamNotConsumedDoesNotBlockConnection: unread streams beside 1,000 live calls and streams",
    arguments: Transport.allCases)
  func unreadStreams(_ transport: Transport) async throws {
    try await withStreams(transport) { streams in
      var unread: [RPCReader<FramedrpcV1.StreamResponse>] = []
      for _ in 0..<20 {
        unread.append(
          try await streams.client.download(
            Request(sizes: [10_000], text: StreamTestHandler.endless), options: Self.patient))
      }
      // The first answer of each is there: they have begun, and fill their windows.
      for reader in unread {
        #expect(try await reader.next() != nil)
      }
      try await withThrowingTaskGroup(of: Int.self) { group in
        for number in 0..<1_000 {
          group.addTask {
            if number.isMultiple(of: 2) {
              _ = try await streams.unary.echo(.init(number: 1), options: Self.patient)
              return 3
            }
            var count = 0
            for try await _ in try await streams.client.download(
              Request(sizes: [1_000], times: 3), options: Self.patient)
            {
              count += 1
            }
            return count
          }
        }
        for try await count in group {
          #expect(count == 3)
        }
      }
      unread.removeAll()
      await streams.handler.wait { $0.cancelled == 20 }
    }
  }

  @Test(
    "a writer waits for a reader that does not read, and goes on with it",
    arguments: Transport.allCases)
  func backpressure(_ transport: Transport) async throws {
    try await withStreams(transport) { streams in
      let total = 3_000
      let answers = try await streams.client.download(
        Request(sizes: [10_000], times: Int32(total)), options: Self.patient)
      #expect(try await answers.next() != nil)
      // Far more than all windows and queues together: the handler cannot have returned.
      #expect(streams.handler.counts.ended == 0)
      var count = 1
      while try await answers.next() != nil {
        count += 1
      }
      #expect(count == total)
    }
  }

  @Test("cancel_after_begin: before any message", arguments: Transport.allCases)
  func cancelAfterBegin(_ transport: Transport) async throws {
    try await withStreams(transport) { streams in
      let upload = try await streams.client.upload(options: Self.patient)
      upload.cancel()
      let error = await rpcError { _ = try await upload.response() }
      #expect(error?.status == .cancelled)
    }
  }

  @Test("cancel_after_first_response", arguments: Transport.allCases)
  func cancelAfterFirstResponse(_ transport: Transport) async throws {
    try await withStreams(transport) { streams in
      let chat = try await streams.client.chat(options: Self.patient)
      try await chat.requests.write(Request(sizes: [31_415]))
      #expect(try await chat.responses.next()?.body.count == 31_415)
      chat.cancel()
      let error = await rpcError { _ = try await chat.responses.next() }
      #expect(error?.status == .cancelled)
      await streams.handler.wait { $0.cancelled == 1 }
      let late = await rpcError { try await chat.requests.write(Request()) }
      #expect(late?.status == .cancelled)
    }
  }

  @Test("a dropped stream is cancelled", arguments: Transport.allCases)
  func dropped(_ transport: Transport) async throws {
    try await withStreams(transport) { streams in
      do {
        let chat = try await streams.client.chat(options: Self.patient)
        try await chat.requests.write(Request(sizes: [1]))
        _ = try await chat.responses.next()
      }
      await streams.handler.wait { $0.cancelled == 1 }
    }
  }

  @Test("cancel while blocked on credit: the writing task", arguments: Transport.allCases)
  func cancelBlockedWriter(_ transport: Transport) async throws {
    try await withStreams(transport) { streams in
      let chat = try await streams.client.chat(options: Self.patient)
      try await chat.requests.write(Request(text: StreamTestHandler.deaf))
      await streams.handler.wait { $0.received == 1 }
      let writing = Task {
        await rpcError {
          while true { try await chat.requests.write(Request(body: Self.kilobyte)) }
        }
      }
      // The server reads no more. Whether the writer waits already or is about to, cancel ends it.
      writing.cancel()
      #expect(await writing.value?.status == .cancelled)
      await streams.handler.wait { $0.cancelled == 1 }
    }
  }

  @Test(
    "deadline while blocked on credit: writer, reader and handler end",
    arguments: Transport.allCases)
  func deadlineBlockedWriter(_ transport: Transport) async throws {
    try await withStreams(transport) { streams in
      // The connection is there before the time runs.
      _ = try await streams.unary.echo(.init(), options: Self.patient)
      let options = CallOptions(timeout: .seconds(2))
      let chat = try await streams.client.chat(options: options)
      let writing = await rpcError {
        try await chat.requests.write(Request(text: StreamTestHandler.deaf))
        while true { try await chat.requests.write(Request(body: Self.kilobyte)) }
      }
      #expect(writing?.status == .deadlineExceeded)
      let reading = await rpcError { _ = try await chat.responses.next() }
      #expect(reading?.status == .deadlineExceeded)
      await streams.handler.wait { $0.ended == 1 }
    }
  }

  @Test("a handler blocked on credit is cancelled with its call", arguments: Transport.allCases)
  func cancelBlockedHandler(_ transport: Transport) async throws {
    try await withStreams(transport) { streams in
      let answers = try await streams.client.download(
        Request(sizes: [60_000], text: StreamTestHandler.endless), options: Self.patient)
      #expect(try await answers.next() != nil)
      answers.call.cancel()
      await streams.handler.wait { $0.cancelled == 1 }
    }
  }

  @Test("a message over the limit ends its stream, here or there", arguments: Transport.allCases)
  func messageSize(_ transport: Transport) async throws {
    let limits = RPCLimits(maxMessageBytes: 100_000)
    try await withStreams(transport, limits: limits) { streams in
      let chat = try await streams.client.chat(options: Self.patient)
      try await chat.requests.write(Request(sizes: [1], body: [UInt8](repeating: 0, count: 99_980)))
      #expect(try await chat.responses.next() != nil)
      let error = await rpcError {
        try await chat.requests.write(Request(body: [UInt8](repeating: 0, count: 100_000)))
      }
      #expect(error?.status == .resourceExhausted)
      chat.requests.finish()
      #expect(try await chat.responses.next() == nil, "the stream itself lives on")
    }
    try await withStreams(transport, clientLimits: limits) { streams in
      let answers = try await streams.client.download(
        Request(sizes: [99_980, 100_000]), options: Self.patient)
      #expect(try await answers.next()?.body.count == 99_980)
      let error = await rpcError { _ = try await answers.next() }
      #expect(error?.status == .resourceExhausted)
    }
  }

  @Test("a lost connection ends its streams on both sides", arguments: Transport.allCases)
  func lostConnection(_ transport: Transport) async throws {
    try await withStreams(transport) { streams in
      let chat = try await streams.client.chat(options: Self.patient)
      try await chat.requests.write(Request(sizes: [1]))
      #expect(try await chat.responses.next() != nil)
      await streams.server.shutdown(grace: .zero)
      let error = await rpcError { _ = try await chat.responses.next() }
      #expect(error?.status == .unavailable)
      #expect(streams.handler.counts.ended == 1)
    }
  }

  @Test("drain lets a stream go on to its end", arguments: Transport.allCases)
  func drain(_ transport: Transport) async throws {
    try await withStreams(transport) { streams in
      let chat = try await streams.client.chat(options: Self.patient)
      try await chat.requests.write(Request(sizes: [1]))
      #expect(try await chat.responses.next() != nil)
      async let shutdown: Void = streams.server.shutdown(grace: .seconds(60))
      for size in [2, 200_000, 3] as [Int32] {
        try await chat.requests.write(Request(sizes: [size]))
        #expect(try await chat.responses.next()?.body.count == Int(size))
      }
      chat.requests.finish()
      #expect(try await chat.responses.next() == nil)
      await shutdown
    }
  }
}
