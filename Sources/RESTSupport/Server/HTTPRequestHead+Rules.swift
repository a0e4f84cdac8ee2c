import NIOHTTP1

/// What the head of a request must keep to, whatever it asks for.
extension HTTPRequestHead {
  var isHTTP10: Bool { self.version == .http1_0 }

  /// Whether its connection ends after it: as the client wishes, or because the decoder takes every
  /// wish for another protocol for granted and reads no further.
  var isLast: Bool {
    !self.isKeepAlive || self.headers.contains(name: "Upgrade") || self.method == .CONNECT
  }

  /// Why the request cannot be served: RFC 9112 §3.2 and §6.1, RFC 9110 §10.1.1. One pass over the
  /// header lines, without making anything.
  var violation: HTTPProblem? {
    var hosts = 0
    var codings = 0
    for (name, value) in self.headers {
      switch name.utf8.count {
      case 4 where name.isASCII("host"):
        hosts += 1
        guard hosts == 1 else { return .badHost("there is more than one Host header") }
        guard value.isHostAndPort else {
          return .badHost("the Host header is no host with an optional port")
        }
      case 6 where name.isASCII("expect"):
        // HTTP/1.0 has no expectations.
        guard self.isHTTP10 || value.isASCII("100-continue") else { return .expectationFailed }
      case 17 where name.isASCII("transfer-encoding"):
        codings += 1
        guard codings == 1, value.isASCII("chunked"), !self.isHTTP10 else {
          return .transferCodingNotImplemented
        }
      default: break
      }
    }
    return hosts == 0 && !self.isHTTP10 ? .badHost("there is no Host header") : nil
  }
}

extension String {
  /// Whether this is the word, which is in lower case, in any case.
  fileprivate func isASCII(_ word: String) -> Bool {
    self.utf8.elementsEqual(word.utf8) { $0 == $1 || $0 | 0x20 == $1 && $0 >= 0x41 }
  }

  /// Whether this is a host name or an IP address, with or without a port.
  fileprivate var isHostAndPort: Bool {
    var rest = self.utf8[...]
    let host: Substring.UTF8View
    if rest.first == UInt8(ascii: "[") {
      guard let end = rest.firstIndex(of: UInt8(ascii: "]")) else { return false }
      host = rest[..<end].dropFirst()
      rest = rest[end...].dropFirst()
      guard host.allSatisfy({ $0.isHostByte || $0 == UInt8(ascii: ":") }) else { return false }
    } else {
      host = rest.prefix { $0 != UInt8(ascii: ":") }
      rest = rest[host.endIndex...]
      guard host.allSatisfy(\.isHostByte) else { return false }
    }
    guard !host.isEmpty else { return false }
    guard let colon = rest.first else { return true }
    return colon == UInt8(ascii: ":") && rest.count <= 6
      && rest.dropFirst().allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
  }
}

extension UInt8 {
  /// unreserved, pct-encoded and sub-delims of RFC 3986.
  fileprivate var isHostByte: Bool {
    switch self {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
    case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"),
      UInt8(ascii: "%"), UInt8(ascii: "!"), UInt8(ascii: "$"), UInt8(ascii: "&"),
      UInt8(ascii: "'"), UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "*"),
      UInt8(ascii: "+"), UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "="):
      true
    default: false
    }
  }
}
