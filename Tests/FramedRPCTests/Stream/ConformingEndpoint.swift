import Contracts
import FramedRPC
import NIOCore
import Synchronization

/// A server of both services and a client of it.
struct ConformingEndpoint: Sendable {
  let server: RPCServer
  let address: RPCAddress
  let channel: RPCClient
  let handler: Conformer

  var streams: FramedrpcV1.StreamTestServiceClient {
    FramedrpcV1.StreamTestServiceClient(self.channel)
  }
  var unary: FramedrpcV1.TestServiceClient { FramedrpcV1.TestServiceClient(self.channel) }

  struct Outcome: Sendable {
    /// Sizes of the answers.
    var answers: [Int] = []
    var initial: RPCMetadata?
    var trailing = RPCMetadata()
    var error: RPCError?
  }

  /// Makes a call of a kind with some requests and reads all answers.
  func call(_ kind: Kind, _ requests: [Request], _ options: CallOptions) async -> Outcome {
    var outcome = Outcome()
    do {
      switch kind {
      case .unary:
        try await self.callUnary(requests[0], options, &outcome)
      case .clientStream:
        let upload = try await self.streams.upload(options: options)
        defer { outcome.trailing = upload.requests.call.trailingMetadata }
        for request in requests {
          try await Self.write(request, to: upload.requests)
        }
        outcome.answers = [try await upload.response().body.count]
      case .serverStream:
        let answers = try await self.streams.download(requests[0], options: options)
        try await Self.read(answers, into: &outcome)
      case .bidiHalfDuplex:
        let chat = try await self.streams.chat(options: options)
        for request in requests {
          try await Self.write(request, to: chat.requests)
        }
        chat.requests.finish()
        try await Self.read(chat.responses, into: &outcome)
      case .bidiFullDuplex:
        let chat = try await self.streams.chat(options: options)
        for request in requests {
          try await Self.write(request, to: chat.requests)
          for _ in request.sizes {
            guard let answer = try await chat.responses.next() else { break }
            outcome.answers.append(answer.body.count)
          }
        }
        chat.requests.finish()
        try await Self.read(chat.responses, into: &outcome)
      }
    } catch {
      outcome.error = error as? RPCError
    }
    return outcome
  }

  typealias Request = FramedrpcV1.StreamRequest

  private func callUnary(
    _ request: Request, _ options: CallOptions, _ outcome: inout Outcome
  ) async throws {
    let kept = Kept()
    var options = options
    options.onResponseMetadata = { metadata in kept.metadata.withLock { $0 = metadata } }
    let text = request.text.isEmpty ? String(decoding: request.body, as: UTF8.self) : request.text
    _ = try await self.unary.echo(
      .init(text: text, failWith: request.failWith), options: options)
    outcome.trailing = kept.metadata.withLock { $0 }
  }

  private final class Kept: Sendable {
    let metadata = Mutex(RPCMetadata())
  }

  /// A call that fails says why to its reader; one that is refused here says it to its writer.
  private static func write(
    _ request: Request, to requests: RPCWriter<FramedrpcV1.StreamRequest>
  ) async throws {
    do {
      try await requests.write(request)
    } catch {
      guard (error as? RPCError)?.status == .resourceExhausted else { return }
      throw error
    }
  }

  private static func read(
    _ answers: RPCReader<FramedrpcV1.StreamResponse>, into outcome: inout Outcome
  ) async throws {
    defer {
      outcome.initial = answers.call.initialMetadata
      outcome.trailing = answers.call.trailingMetadata
    }
    while let answer = try await answers.next() {
      outcome.answers.append(answer.body.count)
    }
  }
}
