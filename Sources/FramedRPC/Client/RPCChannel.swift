public import NIOCore

/// Something that carries calls to a server: a client, or a wrapper around one.
public protocol RPCChannel: Sendable {
  /// Sends one request and waits for its answer.
  ///
  /// - Throws: ``RPCError``, whatever went wrong.
  func call(_ call: RPCCall) async throws -> ByteBuffer

  /// Begins a unary call for generated code. By default ``call(_:)`` makes it; a client that has a
  /// connection does so with fewer steps.
  ///
  /// - Throws: ``RPCError`` when the call cannot be made at all.
  func begin(_ call: consuming RPCCall) throws -> RPCPendingCall

  /// Begins a call with any number of messages. One with a single request carries it already.
  ///
  /// - Parameter kind: `.serverStreaming` sends the request of `call` and ends this side; for the
  ///   others the stream is where requests are written.
  /// - Throws: ``RPCError`` when there is no connection. What goes wrong later ends the stream.
  func open(_ call: RPCCall, kind: RPCKind) async throws -> RPCByteStream

  /// What an answer may cost to decode.
  var decodeLimits: DecodeLimits { get }
}

/// One request on its way through a channel, as bytes.
public struct RPCCall: Sendable {
  /// `sugang.pay.v1.PayService/Approve`
  public let method: String
  /// FNV-1a with 64 bits of ``method``.
  public let methodHash: UInt64
  /// The protobuf bytes of the request.
  public let request: ByteBuffer
  public var options: CallOptions

  public init(method: String, methodHash: UInt64, request: ByteBuffer, options: CallOptions) {
    self.method = method
    self.methodHash = methodHash
    self.request = request
    self.options = options
  }

  /// A call of a method that is known by name only; the caller makes the bytes.
  public init(method: String, request: ByteBuffer, options: CallOptions) {
    self.init(
      method: method, methodHash: MethodHash.hash(method), request: request, options: options)
  }
}

extension RPCChannel {
  public var decodeLimits: DecodeLimits { .standard }

  public func begin(_ call: consuming RPCCall) throws -> RPCPendingCall {
    IndirectCall(call, through: self)
  }

  /// Calls a unary method.
  ///
  /// - Throws: ``RPCError``, whatever went wrong.
  @inlinable @inline(__always)
  public func unary<Request: RPCMessage, Response: RPCMessage>(
    _ method: RPCMethod<Request, Response>, _ request: Request, options: CallOptions
  ) async throws -> Response {
    // The fields, not the method: a copy of that takes its type's metadata, which is looked up.
    let answer = try await self.begin(
      RPCCall(method.fullName, method.hash, request, options: options)
    ).answer()
    return try Response(answer: answer, limits: self.decodeLimits)
  }

  /// Calls a method that answers with any number of messages. The call is cancelled when the reader
  /// is dropped before its end.
  ///
  /// - Throws: ``RPCError`` when the call cannot be made; what goes wrong later is thrown by the
  ///   reader.
  @inlinable
  public func serverStreaming<Request: RPCMessage, Response: RPCMessage>(
    _ method: RPCMethod<Request, Response>, _ request: Request, options: CallOptions
  ) async throws -> RPCReader<Response> {
    let stream = try await self.open(
      RPCCall(method, request, options: options), kind: .serverStreaming)
    return RPCReader(stream, limits: self.decodeLimits, isServer: false)
  }

  /// Calls a method that takes any number of messages and gives one.
  ///
  /// - Throws: ``RPCError`` when the call cannot be made.
  @inlinable
  public func clientStreaming<Request: RPCMessage, Response: RPCMessage>(
    _ method: RPCMethod<Request, Response>, options: CallOptions
  ) async throws -> RPCUpload<Request, Response> {
    RPCUpload(
      try await self.open(RPCCall(method, options: options), kind: .clientStreaming),
      limits: self.decodeLimits)
  }

  /// Calls a method with any number of messages each way.
  ///
  /// - Throws: ``RPCError`` when the call cannot be made.
  @inlinable
  public func bidirectional<Request: RPCMessage, Response: RPCMessage>(
    _ method: RPCMethod<Request, Response>, options: CallOptions
  ) async throws -> RPCStream<Request, Response> {
    RPCStream(
      try await self.open(RPCCall(method, options: options), kind: .bidirectional),
      limits: self.decodeLimits)
  }
}

extension RPCCall {
  @inlinable
  init<Request: RPCMessage, Response: RPCMessage>(
    _ method: RPCMethod<Request, Response>, _ request: Request, options: CallOptions
  ) throws(RPCError) {
    try self.init(method.fullName, method.hash, request, options: options)
  }

  @inlinable
  init(
    _ method: String, _ hash: UInt64, _ request: some RPCMessage, options: CallOptions
  ) throws(RPCError) {
    let bytes: ByteBuffer
    do {
      bytes = try request.encoded()
    } catch {
      throw RPCError(
        .invalidArgument, "the request cannot be sent: \(error)", notProcessed: true)
    }
    self.init(method: method, methodHash: hash, request: bytes, options: options)
  }

  /// A call whose requests are written to its stream.
  @inlinable
  init<Request: RPCMessage, Response: RPCMessage>(
    _ method: RPCMethod<Request, Response>, options: CallOptions
  ) {
    self.init(
      method: method.fullName, methodHash: method.hash, request: ByteBuffer(), options: options)
  }
}
