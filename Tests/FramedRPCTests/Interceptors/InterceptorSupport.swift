import FramedRPC
import NIOCore
import Synchronization

/// What happened, in order.
final class Journal: Sendable {
  private let lines = Mutex<[String]>([])

  func note(_ line: String) {
    self.lines.withLock { $0.append(line) }
  }

  var text: String { self.lines.withLock { $0.joined(separator: " ") } }
}

/// An interceptor for one test.
struct ServerStep: ServerInterceptor {
  let body:
    @Sendable (ServerCall, @escaping @Sendable (ServerCall) async throws -> CallAnswer)
      async throws -> CallAnswer

  func intercept(
    _ call: ServerCall, next: @escaping @Sendable (ServerCall) async throws -> CallAnswer
  ) async throws -> CallAnswer {
    try await self.body(call, next)
  }

  /// Notes when a call passes, and how it comes back.
  static func noting(_ name: String, in journal: Journal) -> ServerStep {
    ServerStep { call, next in
      journal.note("\(name)>")
      do {
        let answer = try await next(call)
        journal.note("<\(name)")
        return answer
      } catch {
        journal.note("!\(name):\(RPCStatus(of: error))")
        throw error
      }
    }
  }
}

/// The same for a client.
struct ClientStep: ClientInterceptor {
  let body:
    @Sendable (ClientCall, @escaping @Sendable (ClientCall) async throws -> CallAnswer)
      async throws -> CallAnswer

  func intercept(
    _ call: ClientCall, next: @escaping @Sendable (ClientCall) async throws -> CallAnswer
  ) async throws -> CallAnswer {
    try await self.body(call, next)
  }

  static func noting(_ name: String, in journal: Journal) -> ClientStep {
    ClientStep { call, next in
      journal.note("\(name)>")
      do {
        let answer = try await next(call)
        journal.note("<\(name)")
        return answer
      } catch {
        journal.note("!\(name):\(RPCStatus(of: error))")
        throw error
      }
    }
  }
}

/// Answers every call with its own request and keeps what it was sent.
final class MirrorChannel: RPCChannel {
  private let seen = Mutex<[RPCCall]>([])
  private let failure: RPCError?

  init(failure: RPCError? = nil) {
    self.failure = failure
  }

  var calls: [RPCCall] { self.seen.withLock { $0 } }

  func call(_ call: RPCCall) async throws -> ByteBuffer {
    self.seen.withLock { $0.append(call) }
    if let failure = self.failure { throw failure }
    return call.request
  }

  func open(_ call: RPCCall, kind: RPCKind) async throws -> RPCByteStream {
    throw RPCError(.unimplemented, "no streams here")
  }

  static let request = ByteBuffer(string: "hello")

  static func call(_ options: CallOptions = CallOptions()) -> RPCCall {
    RPCCall(method: "a.Service/Do", request: Self.request, options: options)
  }
}
