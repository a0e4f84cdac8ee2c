import FramedRPC
import NIOCore
import Synchronization

/// Answers unary calls of the Connect protocol by calling the methods of one FramedRPC service.
///
/// Which methods there are and what they take and give is known from the descriptor; where the
/// service is, only the channel knows. HTTP itself is done by others: see ``ConnectRequest``.
package struct ConnectService: Sendable {
  package struct Options: Sendable {
    /// The longest a call may take, and what it gets when the client names no time.
    package var timeout = Duration.seconds(3)
    /// The largest request message, in bytes, once it is decompressed.
    package var maxMessageBytes = 64 * 1024
    /// What else an error says, beside its reason.
    package var details: @Sendable (RPCError) -> [ConnectDetail] = { _ in [] }
    /// When a call is worth while to come again, in seconds: a detail, and HTTP's own header.
    package var retryAfterSeconds: @Sendable (RPCError) -> Int? = { _ in nil }
    /// The clock, so that a test can stop it.
    package var now: @Sendable () -> NIODeadline = { .now() }

    package init() {}
  }

  /// `sugang.enrollment.v1.EnrollmentService`
  package let name: String
  private let methods: [String: MethodDescriptor]
  private let channel: any RPCChannel
  private let options: Options

  /// - Parameter withheld: whole names of methods that are not offered here.
  package init(
    _ service: ServiceDescriptor, channel: any RPCChannel, withheld: Set<String> = [],
    options: Options = Options()
  ) {
    self.name = service.name
    var methods: [String: MethodDescriptor] = [:]
    for method in service.methods
    where method.kind == .unary && !withheld.contains(method.fullName) {
      methods[String(method.fullName.dropFirst(service.name.count + 1))] = method
    }
    self.methods = methods
    self.channel = channel
    self.options = options
  }

  /// The last parts of the names of what is offered, in alphabetical order.
  package var methodNames: [String] { self.methods.keys.sorted() }

  /// Makes the call and words its outcome, whatever that is.
  package func answer(_ request: ConnectRequest) async -> ConnectResponse {
    guard let method = self.methods[request.method] else {
      return self.failure(
        RPCError(
          .unimplemented, "\(self.name)/\(request.method.prefix(128)) is not offered here",
          notProcessed: true))
    }
    let contentType = request.header("content-type")
    guard let codec = ConnectCodec(contentType: contentType) else {
      return .unsupportedMediaType(contentType.map { String($0.prefix(128)) })
    }
    do {
      try Self.checkVersion(request)
      let timeout = try ConnectTimeout.ofRequest(request)
      let metadata = try ConnectMetadata.ofRequest(request)
      let body = try ConnectEncoding.body(of: request, maxBytes: self.options.maxMessageBytes)
      let message = try codec.request(body, method)
      let (answer, trailers) = try await self.call(method, message, metadata, timeout)
      return .success(
        try codec.response(
          Array(answer.readableBytesView), method, limits: self.channel.decodeLimits), codec,
        trailers: trailers)
    } catch let error as RPCError {
      return self.failure(error)
    } catch is CancellationError {
      return self.failure(RPCError(.cancelled, "the call was cancelled"))
    } catch {
      // A channel throws nothing else.
      return self.failure(RPCError(.unknown, "the call failed"))
    }
  }

  /// What the HTTP server answers to a body that it did not read to its end.
  package static func bodyTooLarge(_ why: String) -> ConnectResponse {
    .failure(RPCError(.resourceExhausted, why, notProcessed: true))
  }

  /// What the HTTP server answers to a request that it does not let in.
  package static func refused(_ error: RPCError, retryAfterSeconds: Int) -> ConnectResponse {
    .failure(
      error, details: [.retryInfo(seconds: retryAfterSeconds)],
      headers: [Self.retryAfter(retryAfterSeconds)])
  }

  /// What the HTTP server answers to a request whose caller it does not know.
  ///
  /// - Parameter challenge: the value of `WWW-Authenticate`.
  package static func unauthenticated(_ why: String, challenge: String) -> ConnectResponse {
    .failure(
      RPCError(.unauthenticated, why, notProcessed: true),
      headers: [.init(name: "WWW-Authenticate", value: challenge)])
  }

  private static func retryAfter(_ seconds: Int) -> ConnectResponse.Header {
    .init(name: "Retry-After", value: "\(seconds)")
  }

  /// The client's time is the call's inherited deadline and not its timeout: a client in a hurry
  /// says nothing about the service, so that no circuit opens on its account.
  private func call(
    _ method: MethodDescriptor, _ message: [UInt8], _ metadata: RPCMetadata, _ timeout: Duration?
  ) async throws -> (ByteBuffer, RPCMetadata) {
    let trailers = Mutex(RPCMetadata())
    let call = RPCCall(
      method: method.fullName, request: ByteBuffer(bytes: message),
      options: CallOptions(
        timeout: self.options.timeout, metadata: metadata,
        onResponseMetadata: { metadata in trailers.withLock { $0 = metadata } }))
    let answer: ByteBuffer
    if let timeout {
      let context = RPCContext(
        deadline: self.options.now() + TimeAmount(timeout), metadata: metadata,
        method: method.fullName)
      answer = try await RPCContext.$current.withValue(context) {
        try await self.channel.call(call)
      }
    } else {
      answer = try await self.channel.call(call)
    }
    return (answer, trailers.withLock { $0 })
  }

  private func failure(_ error: RPCError) -> ConnectResponse {
    var details: [ConnectDetail] = []
    if let reason = error.reason {
      details.append(.errorInfo(reason: reason, domain: self.name))
    }
    var headers: [ConnectResponse.Header] = []
    if error.reason == ConnectEncoding.unsupportedReason {
      headers.append(.init(name: "Accept-Encoding", value: ConnectEncoding.accepted))
    }
    details += self.options.details(error)
    if let seconds = self.options.retryAfterSeconds(error) {
      details.append(.retryInfo(seconds: seconds))
      headers.append(Self.retryAfter(seconds))
    }
    return .failure(error, details: details, headers: headers)
  }

  private static func checkVersion(_ request: ConnectRequest) throws(RPCError) {
    guard let version = request.header("connect-protocol-version"), version != "1" else { return }
    throw RPCError(
      .invalidArgument, "Connect-Protocol-Version is \(version.prefix(32)), 1 is spoken here",
      notProcessed: true)
  }
}
