/// Reads one HTTP/1.1 response: `Content-Length`, chunked, or everything until the end.
struct HTTPResponseParser {
  private enum Framing {
    case length(Int)
    case chunked
    case untilEnd
  }

  private let isHead: Bool
  private var bytes: [UInt8] = []
  private var response: HTTPResponse?
  private var framing = Framing.untilEnd

  init(isHead: Bool) {
    self.isHead = isHead
  }

  /// Takes the next bytes; returns the response once it is complete.
  mutating func feed(_ bytes: [UInt8]) throws(HTTPClientError) -> HTTPResponse? {
    self.bytes += bytes
    if self.response == nil { try self.readHead() }
    guard var response = self.response else { return nil }
    switch self.framing {
    case .length(let length):
      guard self.bytes.count >= length else { return nil }
      response.body = Array(self.bytes.prefix(length))
    case .chunked:
      guard let body = try self.chunks() else { return nil }
      response.body = body
    case .untilEnd: return nil
    }
    return response
  }

  /// The connection ended: that completes a response without a stated length.
  mutating func end() -> HTTPResponse? {
    guard var response = self.response, case .untilEnd = self.framing else { return nil }
    response.body = self.bytes
    response.keepsConnection = false
    return response
  }

  private mutating func readHead() throws(HTTPClientError) {
    let blankLine = Array("\r\n\r\n".utf8)
    guard let end = self.bytes.firstRange(of: blankLine) else { return }
    let head = String(decoding: self.bytes[..<end.lowerBound], as: UTF8.self)
    self.bytes.removeSubrange(..<end.upperBound)
    // As bytes: "\r\n" is one Character to a String.
    let lines = head.utf8.split(separator: UInt8(ascii: "\n")).map { line in
      String(line.last == UInt8(ascii: "\r") ? line.dropLast() : line) ?? ""
    }
    let words = lines[0].split(separator: " ", maxSplits: 2)
    guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]) else {
      throw .malformed("status line \(lines[0])")
    }
    var response = HTTPResponse(status: status)
    for line in lines.dropFirst() {
      guard let colon = line.firstIndex(of: ":") else { throw .malformed("header \(line)") }
      let value = line[line.index(after: colon)...].drop { $0 == " " }
      response.headers.append((String(line[..<colon]), String(value)))
    }
    if status == 100 { return try self.readHead() }
    self.framing = try self.framing(of: response)
    response.keepsConnection = response.header("Connection")?.lowercased() != "close"
    self.response = response
  }

  private func framing(of response: HTTPResponse) throws(HTTPClientError) -> Framing {
    if self.isHead || response.status == 204 || response.status == 304 { return .length(0) }
    if response.header("Transfer-Encoding") == "chunked" { return .chunked }
    guard let text = response.header("Content-Length") else { return .untilEnd }
    guard let length = Int(text), length >= 0 else { throw .malformed("length \(text)") }
    return .length(length)
  }

  /// The body once the last chunk is there.
  private func chunks() throws(HTTPClientError) -> [UInt8]? {
    var body: [UInt8] = []
    var rest = self.bytes[...]
    while let line = rest.firstRange(of: Array("\r\n".utf8)) {
      let text = String(decoding: rest[..<line.lowerBound], as: UTF8.self)
      guard let size = Int(text.prefix { $0 != ";" }, radix: 16), size >= 0 else {
        throw .malformed("chunk size \(text)")
      }
      rest = rest[line.upperBound...]
      guard rest.count >= size + 2 else { return nil }
      if size == 0 { return body }
      body += rest.prefix(size)
      rest = rest.dropFirst(size + 2)
    }
    return nil
  }
}
