import HTTPTypes
import JSON
import Kernel
import NIOCore
import NIOHTTP1

/// A refusal as HTTP/1.1 bytes, made once, with gaps for what differs from request to request.
struct RefusalText: Sendable {
  private enum Part: Sendable {
    case bytes([UInt8])
    case path
    case requestID
    case bodyLength
  }

  let status: Int
  private let parts: [Part]
  /// Of the body without what fills its gaps.
  private let bodyBytes: Int
  private let pathsInBody: Int
  private let idsInBody: Int

  /// - Parameter answer: makes the refusal of a request for a path, under an id.
  init(_ answer: (_ path: String, _ id: String) -> (head: HTTPResponse, body: ByteBuffer?)) {
    // Words that nothing else has: they mark the gaps.
    let path = "/" + RequestID.make()
    let id = RequestID.make()
    let length = RequestID.make()
    var (head, body) = answer(path, id)
    head.headerFields[.contentLength] = length
    self.status = head.status.code
    var text = "HTTP/1.1 \(HTTPResponseStatus(statusCode: head.status.code))\r\n"
    for field in head.headerFields { text += "\(field.name.rawName): \(field.value)\r\n" }
    text += "\r\n"
    let bodyText = body.map { String(buffer: $0) } ?? ""
    let gaps = [(path, Part.path), (id, Part.requestID), (length, Part.bodyLength)]
    let inBody = Self.split(bodyText, at: gaps)
    self.parts = Self.split(text, at: gaps) + inBody
    self.bodyBytes = inBody.reduce(0) {
      guard case .bytes(let bytes) = $1 else { return $0 }
      return $0 + bytes.count
    }
    self.pathsInBody = inBody.count { if case .path = $0 { true } else { false } }
    self.idsInBody = inBody.count { if case .requestID = $0 { true } else { false } }
  }

  private static func split(_ text: String, at gaps: [(mark: String, part: Part)]) -> [Part] {
    guard let (mark, part) = gaps.first else {
      return text.isEmpty ? [] : [.bytes(Array(text.utf8))]
    }
    let pieces = text.split(separator: mark, omittingEmptySubsequences: false).map {
      Self.split(String($0), at: Array(gaps.dropFirst()))
    }
    return Array(pieces.joined(separator: [part]))
  }

  /// - Parameter path: what needs no escapes in JSON.
  func write(path: String, requestID: String, to buffer: inout ByteBuffer) {
    let body =
      self.bodyBytes + self.pathsInBody * path.utf8.count + self.idsInBody * requestID.utf8.count
    for part in self.parts {
      switch part {
      case .bytes(let bytes): buffer.writeBytes(bytes)
      case .path: buffer.writeString(path)
      case .requestID: buffer.writeString(requestID)
      case .bodyLength: buffer.writeString(String(body))
      }
    }
  }
}
