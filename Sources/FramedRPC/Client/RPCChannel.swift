public import NIOCore

/// Something that carries calls to a server: a client, or a wrapper around one.
public protocol RPCChannel: Sendable {
  /// Sends one request and waits for its answer.
  ///
  /// - Throws: ``RPCError``, whatever went wrong.
  func call(_ call: RPCCall) async throws -> ByteBuffer

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

  /// Calls a unary method.
  ///
  /// - Throws: ``RPCError``, whatever went wrong.
  @inlinable
  public func unary<Request: RPCMessage, Response: RPCMessage>(
    _ method: RPCMethod<Request, Response>, _ request: Request, options: CallOptions
  ) async throws -> Response {
    let bytes: ByteBuffer
    do {
      bytes = try request.encoded()
    } catch {
      throw RPCError(
        .invalidArgument, "the request cannot be sent: \(error)", notProcessed: true)
    }
    let answer = try await self.call(
      RPCCall(
        method: method.fullName, methodHash: method.hash, request: bytes, options: options))
    do {
      return try Response(decoding: answer, limits: self.decodeLimits)
    } catch {
      throw RPCError(.internal, "the answer is not a \(Response.messageName): \(error)")
    }
  }
}
