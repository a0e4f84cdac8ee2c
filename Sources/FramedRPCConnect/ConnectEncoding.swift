import FramedRPC

/// `Content-Encoding` of a request. Answers are never compressed: they are small, and a proxy may.
enum ConnectEncoding {
  static let accepted = "gzip, identity"
  static let unsupportedReason = "unsupported-encoding"

  /// The message as it was before it was compressed. No bytes are never taken for compressed ones.
  ///
  /// - Throws: ``RPCError``: unimplemented for a coding that is not known here, resource exhausted
  ///   for more than `maxBytes`, invalid argument for bytes that are not what the header says.
  static func body(of request: ConnectRequest, maxBytes: Int) throws(RPCError) -> [UInt8] {
    let coding = (request.header("content-encoding") ?? "identity").trimmed.lowercased()
    switch coding {
    case "", "identity": return request.body
    case "gzip" where request.body.isEmpty: return []
    case "gzip":
      do throws(GzipError) {
        return try Gzip.decompress(request.body, maxBytes: maxBytes)
      } catch {
        guard error == .tooLarge else {
          throw RPCError(
            .invalidArgument, "the request is not gzip: \(error)", notProcessed: true)
        }
        throw RPCError(
          .resourceExhausted, "a request may have \(maxBytes) bytes, also when it comes compressed",
          notProcessed: true)
      }
    default:
      throw RPCError(
        .unimplemented,
        "the encoding \(coding.prefix(32)) is not supported; supported are \(Self.accepted)",
        reason: Self.unsupportedReason, notProcessed: true)
    }
  }
}
