extension TraceContext {
  /// Most bytes of `tracestate` that are passed on; 512 are the least that the standard asks for.
  static let maxStateBytes = 4096
  static let maxStateMembers = 32

  /// Reads what a caller sent.
  ///
  /// - Parameters:
  ///   - parents: the lines of `traceparent`: one, or the trace begins here.
  ///   - states: the lines of `tracestate`, in order. Malformed ones are left out, all of them, and
  ///     do not make the parent invalid (§4.3).
  /// - Returns: nil when there is no valid parent.
  public init?(parents: [String], states: [String] = []) {
    guard parents.count == 1, let parent = Self.parse(parents[0]) else { return nil }
    self.init(
      traceID: parent.traceID, spanID: parent.spanID, flags: parent.flags,
      state: Self.state(states.joined(separator: ",")) ?? "")
  }

  /// §3.2: version 00 has exactly four fields; a later one may have more behind them.
  private static func parse(
    _ text: String
  ) -> (traceID: TraceID, spanID: UInt64, flags: UInt8)? {
    let bytes = Array(text.utf8)
    guard bytes.count >= 55, bytes[2] == dash, bytes[35] == dash, bytes[52] == dash,
      let version = Hexadecimal.value(bytes[0..<2]), version != 0xFF,
      version == 0 ? bytes.count == 55 : bytes.count == 55 || bytes[55] == dash,
      let high = Hexadecimal.value(bytes[3..<19]), let low = Hexadecimal.value(bytes[19..<35]),
      high | low != 0,
      let spanID = Hexadecimal.value(bytes[36..<52]), spanID != 0,
      let flags = Hexadecimal.value(bytes[53..<55])
    else { return nil }
    return (
      TraceID(high: high, low: low), spanID, UInt8(truncatingIfNeeded: flags) & (sampled | random)
    )
  }

  private static let dash = UInt8(ascii: "-")

  /// §3.3: up to 32 `key=value`, between commas and optional blanks, no key twice; empty members
  /// are allowed.
  private static func state(_ text: String) -> String? {
    guard text.utf8.count <= Self.maxStateBytes else { return nil }
    var keys: Set<String> = []
    var members: [String] = []
    for part in text.utf8.split(separator: UInt8(ascii: ",")) {
      let member = part.trimmed
      guard !member.isEmpty else { continue }
      guard let equals = member.firstIndex(of: UInt8(ascii: "=")) else { return nil }
      let key = member[..<equals]
      let value = member[member.index(after: equals)...]
      guard key.isStateKey, value.isStateValue, keys.insert(String(Substring(key))).inserted
      else { return nil }
      members.append(String(Substring(member)))
    }
    return members.count <= Self.maxStateMembers ? members.joined(separator: ",") : nil
  }
}

extension Substring.UTF8View {
  /// Without blanks and tabs around it.
  fileprivate var trimmed: Substring.UTF8View {
    func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
    var trimmed = self.drop(while: isBlank)
    while let last = trimmed.last, isBlank(last) { trimmed.removeLast() }
    return trimmed
  }

  /// `key`, or `tenant@system` with its own lengths.
  fileprivate var isStateKey: Bool {
    let parts = self.split(
      separator: UInt8(ascii: "@"), maxSplits: 1, omittingEmptySubsequences: false)
    guard let first = parts[0].first, parts.allSatisfy({ $0.dropFirst().allSatisfy(\.isKeyByte) })
    else { return false }
    guard parts.count == 2 else { return first.isLowercase && self.count <= 256 }
    guard let system = parts[1].first else { return false }
    return (first.isLowercase || first.isDigit) && system.isLowercase
      && parts[0].count <= 241 && parts[1].count <= 14
  }

  /// 1 to 256 printable characters, the last no blank.
  fileprivate var isStateValue: Bool {
    (1...256).contains(self.count) && self.last != 0x20
      && self.allSatisfy { (0x20...0x7E).contains($0) && $0 != UInt8(ascii: "=") }
  }
}

extension UInt8 {
  fileprivate var isLowercase: Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self) }
  fileprivate var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }

  fileprivate var isKeyByte: Bool {
    self.isLowercase || self.isDigit || self == UInt8(ascii: "_") || self == UInt8(ascii: "-")
      || self == UInt8(ascii: "*") || self == UInt8(ascii: "/")
  }
}
