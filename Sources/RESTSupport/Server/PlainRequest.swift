import Kernel

/// A request as most clients send it, found in bytes without a decoder: what has to be known of one
/// that is refused.
///
/// Reads much less than HTTP/1.1 allows, and so never anything that a decoder would read in another
/// way: where a request begins and ends must be beyond doubt. For everything else there is the
/// decoder.
struct PlainRequest {
  /// So long a head is looked at, in bytes; with few header lines.
  static let maxHeadBytes = 2_048
  static let maxHeaderLines = 32

  /// One of those that are served; not HEAD, to which a body is no answer.
  let verb: HTTPVerb
  /// Where the path is: only letters, digits and `/-._~`, without the query.
  let path: Range<Int>
  /// Where the value of `X-Request-Id` is, which has only the same characters.
  private(set) var requestID: Range<Int>?
  private(set) var headBytes = 0
  private(set) var bodyBytes = 0

  private var hasHost = false
  private var hasLength = false

  /// - Parameters:
  ///   - bytes: from the first of a request on.
  ///   - limits: of the server; a head that it would refuse is not plain.
  /// - Returns: nil when the head has not come as a whole, and when it is not plain.
  init?(_ bytes: Span<UInt8>, _ limits: RESTServerConfiguration) {
    let most = min(Self.maxHeadBytes, limits.maxRequestLineBytes, limits.maxHeaderBytes)
    let end = min(bytes.count, most)
    guard let (verb, start) = Self.verb(bytes) else { return nil }
    var next = start
    while next < end, bytes[next].isPlainPath { next += 1 }
    guard next > start, bytes[start] == UInt8(ascii: "/") else { return nil }
    self.verb = verb
    self.path = start..<next
    if next < end, bytes[next] == UInt8(ascii: "?") {
      while next < end, bytes[next].isPlainQuery { next += 1 }
    }
    guard Self.matches(bytes, at: next, " HTTP/1.1\r\n") else { return nil }
    next += 11

    for _ in 0...min(Self.maxHeaderLines, limits.maxHeaderLines) {
      if Self.matches(bytes, at: next, "\r\n") {
        guard next + 2 <= end, self.hasHost else { return nil }
        self.headBytes = next + 2
        return
      }
      guard let line = self.readLine(bytes, from: next, to: end) else { return nil }
      next = line
    }
    return nil
  }

  /// - Returns: where the next line begins; nil when this one is not plain.
  private mutating func readLine(_ bytes: Span<UInt8>, from start: Int, to end: Int) -> Int? {
    var colon = start
    while colon < end, bytes[colon].isPlainName { colon += 1 }
    guard colon > start, colon < end, bytes[colon] == UInt8(ascii: ":") else { return nil }
    var value = colon + 1
    while value < end, bytes[value] == UInt8(ascii: " ") { value += 1 }
    var stop = value
    while stop < end, bytes[stop].isPlainValue { stop += 1 }
    guard Self.matches(bytes, at: stop, "\r\n") else { return nil }
    let next = stop + 2
    while stop > value, bytes[stop - 1] == UInt8(ascii: " ") { stop -= 1 }
    guard self.read(bytes, name: start..<colon, value: value..<stop) else { return nil }
    return next
  }

  /// - Returns: whether the line lets the request be plain.
  private mutating func read(
    _ bytes: Span<UInt8>, name: Range<Int>, value: Range<Int>
  ) -> Bool {
    func isNamed(_ word: StaticString) -> Bool { Self.isSame(bytes, name, word) }
    // By length, so that few names are compared.
    switch name.count {
    case 4 where isNamed("host"):
      guard !self.hasHost, Self.isHost(bytes, value) else { return false }
      self.hasHost = true
    case 14 where isNamed("content-length"):
      guard !self.hasLength, let length = Self.number(bytes, value) else { return false }
      self.hasLength = true
      self.bodyBytes = length
    case 12 where isNamed("x-request-id"):
      guard self.requestID == nil, (1...RequestID.maxLength).contains(value.count),
        value.allSatisfy({ bytes[$0].isPlainPath })
      else { return false }
      self.requestID = value
    case 10 where isNamed("connection"): return Self.isSame(bytes, value, "keep-alive")
    case 6 where isNamed("expect"), 7 where isNamed("upgrade"), 7 where isNamed("trailer"),
      16 where isNamed("proxy-connection"), 17 where isNamed("transfer-encoding"):
      return false
    default: break
    }
    return true
  }

  private static func verb(_ bytes: Span<UInt8>) -> (HTTPVerb, next: Int)? {
    if self.matches(bytes, at: 0, "GET ") { return (.get, 4) }
    if self.matches(bytes, at: 0, "POST ") { return (.post, 5) }
    if self.matches(bytes, at: 0, "PUT ") { return (.put, 4) }
    if self.matches(bytes, at: 0, "PATCH ") { return (.patch, 6) }
    if self.matches(bytes, at: 0, "DELETE ") { return (.delete, 7) }
    return nil
  }

  /// A name or an IPv4 address, perhaps with a port.
  private static func isHost(_ bytes: Span<UInt8>, _ value: Range<Int>) -> Bool {
    var next = value.lowerBound
    while next < value.upperBound, bytes[next].isPlainHost { next += 1 }
    guard next > value.lowerBound else { return false }
    if next == value.upperBound { return true }
    return bytes[next] == UInt8(ascii: ":") && value.upperBound - next <= 6
      && (next + 1..<value.upperBound).allSatisfy { bytes[$0].isDigit }
  }

  private static func number(_ bytes: Span<UInt8>, _ value: Range<Int>) -> Int? {
    guard (1...9).contains(value.count) else { return nil }
    var number = 0
    for place in value {
      guard bytes[place].isDigit else { return nil }
      number = number * 10 + Int(bytes[place] - UInt8(ascii: "0"))
    }
    return number
  }

  private static func matches(_ bytes: Span<UInt8>, at start: Int, _ word: StaticString) -> Bool {
    guard start + word.utf8CodeUnitCount <= bytes.count else { return false }
    return self.isEqual(bytes, start, word) { $0 }
  }

  /// - Parameter word: in small letters.
  private static func isSame(
    _ bytes: Span<UInt8>, _ range: Range<Int>, _ word: StaticString
  ) -> Bool {
    guard range.count == word.utf8CodeUnitCount else { return false }
    return self.isEqual(bytes, range.lowerBound, word) {
      (0x41...0x5A).contains($0) ? $0 | 0x20 : $0
    }
  }

  private static func isEqual(
    _ bytes: Span<UInt8>, _ start: Int, _ word: StaticString, _ form: (UInt8) -> UInt8
  ) -> Bool {
    word.withUTF8Buffer { word in
      for place in word.indices where unsafe form(bytes[start + place]) != word[place] {
        return false
      }
      return true
    }
  }
}

extension UInt8 {
  fileprivate var isDigit: Bool { (0x30...0x39).contains(self) }

  private var isLetterOrDigit: Bool {
    self.isDigit || (0x41...0x5A).contains(self) || (0x61...0x7A).contains(self)
  }

  /// What JSON does not write in another way.
  fileprivate var isPlainPath: Bool {
    switch self {
    case UInt8(ascii: "/"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
      UInt8(ascii: "~"):
      true
    default: self.isLetterOrDigit
    }
  }

  fileprivate var isPlainQuery: Bool {
    switch self {
    case UInt8(ascii: "?"), UInt8(ascii: "="), UInt8(ascii: "&"), UInt8(ascii: "%"),
      UInt8(ascii: "+"), UInt8(ascii: ","), UInt8(ascii: ":"):
      true
    default: self.isPlainPath
    }
  }

  fileprivate var isPlainName: Bool {
    self.isLetterOrDigit || self == UInt8(ascii: "-") || self == UInt8(ascii: "_")
  }

  fileprivate var isPlainHost: Bool {
    self.isLetterOrDigit || self == UInt8(ascii: "-") || self == UInt8(ascii: ".")
  }

  /// Visible ASCII and blanks.
  fileprivate var isPlainValue: Bool { (0x20...0x7E).contains(self) }
}
