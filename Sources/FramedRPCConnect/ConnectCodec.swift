import FramedRPC
import FramedRPCJSON
import JSON

/// How the messages of one call are written in HTTP bodies.
enum ConnectCodec: String {
  case json = "application/json"
  case proto = "application/proto"

  /// What a client may send, for `Accept-Post`.
  static let accepted = "\(Self.json.rawValue), \(Self.proto.rawValue)"

  /// The codec that a content type names: type and parameters in any case, JSON in UTF-8 only. Nil
  /// for all others, those of streaming calls (`application/connect+json`) and none among them.
  init?(contentType: String?) {
    guard let contentType else { return nil }
    let parts = contentType.split(separator: ";", omittingEmptySubsequences: false)
      .map { $0.trimmed.lowercased() }
    guard let type = parts.first, let codec = ConnectCodec(rawValue: type) else { return nil }
    if codec == .json {
      for parameter in parts.dropFirst() where parameter.hasPrefix("charset=") {
        let charset = parameter.dropFirst("charset=".count).filter { $0 != "\"" }
        guard charset == "utf-8" || charset == "utf8" else { return nil }
      }
    }
    self = codec
  }

  /// The protobuf bytes of a request. Those of the proto codec go on unread: the server checks them
  /// as it checks every request.
  ///
  /// - Throws: ``RPCError`` invalid argument, with the reason a server gives for bytes that are no
  ///   request.
  func request(_ body: [UInt8], _ method: MethodDescriptor) throws(RPCError) -> [UInt8] {
    guard self == .json else { return body }
    do {
      let json = try JSONValue(parsing: body, limits: JSONLimits(maxBytes: body.count))
      return try MessageTranscoder(method.request, mapping: .canonical).bytes(from: json)
    } catch let error as TranscodingError {
      throw Self.malformed("\(error)")
    } catch let error as JSONError {
      throw Self.malformed("it is not JSON: \(error)")
    } catch {
      throw Self.malformed("\(error)")
    }
  }

  /// The body of an answer.
  ///
  /// - Throws: ``RPCError`` internal when the server did not answer with the method's response.
  func response(
    _ bytes: [UInt8], _ method: MethodDescriptor, limits: DecodeLimits
  ) throws(RPCError) -> [UInt8] {
    guard self == .json else { return bytes }
    do {
      return try MessageTranscoder(method.response, mapping: .canonical)
        .json(from: bytes, limits: limits).bytes()
    } catch {
      throw RPCError(.internal, "the answer of \(method.fullName) cannot be read")
    }
  }

  private static func malformed(_ why: String) -> RPCError {
    RPCError(
      .invalidArgument, "the request cannot be read: \(why)", reason: "malformed-message",
      notProcessed: true)
  }
}

extension StringProtocol {
  /// Without the blanks and tabs around it, as HTTP has them around a header's value.
  var trimmed: SubSequence {
    let isBlank = { (character: Character) in character == " " || character == "\t" }
    guard let first = self.firstIndex(where: { !isBlank($0) }),
      let last = self.lastIndex(where: { !isBlank($0) })
    else { return self[self.endIndex...] }
    return self[first...last]
  }
}
