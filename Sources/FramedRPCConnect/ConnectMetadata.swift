import FramedRPC
import FramedRPCJSON

/// Metadata as HTTP headers, both ways.
enum ConnectMetadata {
  /// Trace context of the W3C travels as it is.
  private static let traced: Set<String> = ["traceparent", "tracestate", "baggage"]
  /// Written by proxies, for the HTTP server in front of the services.
  private static let proxied: Set<String> = ["x-real-ip", "x-request-id"]

  /// Whether a request's header becomes metadata: `x-…` and trace context. All others are HTTP's,
  /// Connect's or keys that services trust among themselves, such as who calls, which nobody outside
  /// may set.
  static func passes(_ name: String) -> Bool {
    if self.traced.contains(name) { return true }
    return name.hasPrefix("x-") && !name.hasPrefix("x-forwarded-") && !self.proxied.contains(name)
  }

  /// The metadata of a request, under its request id.
  ///
  /// - Throws: ``RPCError`` invalid argument when a binary value is not base64, or for more metadata
  ///   than a call can carry.
  static func ofRequest(_ request: ConnectRequest) throws(RPCError) -> RPCMetadata {
    var metadata = RPCMetadata()
    try metadata.append(RPCContext.requestIDKey, request.requestID)
    for (key, value) in request.metadata { try metadata.append(key, value) }
    for (name, value) in request.headers where self.passes(name) {
      guard name.hasSuffix("-bin") else {
        try metadata.append(name, value)
        continue
      }
      // Lines of one name may come joined by commas, which base64 does not have.
      for part in value.split(separator: ",") {
        guard let bytes = Base64.decode(String(part.trimmed)) else {
          throw RPCError(
            .invalidArgument, "the header \(name) is not base64", notProcessed: true)
        }
        try metadata.append(name, bytes)
      }
    }
    return metadata
  }

  /// Trailing metadata as the headers of a unary answer. A value of a key that does not end in
  /// `-bin` is left out unless it is printable ASCII, and so are keys that Connect keeps for itself.
  static func trailers(_ metadata: RPCMetadata) -> [ConnectResponse.Header] {
    metadata.entries.compactMap { entry in
      guard !entry.key.hasPrefix("connect-") else { return nil }
      let name = "Trailer-" + entry.key
      if entry.key.hasSuffix("-bin") {
        return .init(name: name, value: Base64.encode(entry.value, isPadded: false))
      }
      guard entry.value.allSatisfy({ (0x20...0x7E).contains($0) }) else { return nil }
      return .init(name: name, value: String(decoding: entry.value, as: UTF8.self))
    }
  }
}
