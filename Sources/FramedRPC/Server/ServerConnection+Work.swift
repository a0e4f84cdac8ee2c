import NIOCore

extension ServerConnection {
  /// What a call's task does. No closure: it would be one more allocation a call.
  enum Work: Sendable {
    case unary(RPCService.UnaryHandler, ByteBuffer)
    /// A request that is too large for one frame, or comes like one.
    case unaryInChunks(RPCService.UnaryHandler, RPCByteStream)
    case streaming(RPCService.StreamingHandler, RPCByteStream)

    func answer(_ context: RPCContext, _ limits: DecodeLimits) async throws -> ByteBuffer? {
      switch self {
      case .unary(let handler, let request):
        try await handler(RPCUnaryCall(request, context, limits))
      case .unaryInChunks(let handler, let stream):
        try await handler(
          RPCUnaryCall(try await stream.onlyRequest(), context, limits))
      case .streaming(let handler, let stream):
        try await handler(stream, context, limits)
      }
    }
  }
}
