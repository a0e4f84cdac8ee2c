/// Where a piece of work stands in a trace: W3C Trace Context, <https://www.w3.org/TR/trace-context>.
///
/// The current one travels with the task. It is passed on even where nothing records spans, so that
/// whoever does record them, before and behind, sees one trace.
public struct TraceContext: Hashable, Sendable {
  /// The header, and the metadata key.
  public static let parentKey = "traceparent"
  public static let stateKey = "tracestate"

  /// Of the work that this task does.
  @TaskLocal public static var current: TraceContext?

  /// 16 bytes, never all zero.
  public let traceID: TraceID
  /// 8 bytes, never zero: of the span that is the parent of whatever is called next.
  public let spanID: UInt64
  /// What others are told: `sampled`, and that the trace id is random (level 2).
  public let flags: UInt8
  /// `vendor=value,…` as it came, in one line; empty for none.
  public let state: String

  static let sampled: UInt8 = 0x01
  static let random: UInt8 = 0x02

  init(traceID: TraceID, spanID: UInt64, flags: UInt8, state: String) {
    self.traceID = traceID
    self.spanID = spanID
    self.flags = flags
    self.state = state
  }

  /// Whether somebody before asked for it to be recorded.
  public var isSampled: Bool { self.flags & Self.sampled != 0 }

  /// The first of a new trace that nobody has decided to record.
  public static func root() -> TraceContext {
    TraceContext(
      traceID: TraceID(high: TraceIDs.next(), low: TraceIDs.next()), spanID: TraceIDs.next(),
      flags: 0, state: "")
  }

  /// The next span of the same trace.
  public func child() -> TraceContext {
    TraceContext(
      traceID: self.traceID, spanID: TraceIDs.next(), flags: self.flags, state: self.state)
  }

  /// `00-<trace id>-<span id>-<flags>`
  public var parent: String {
    "00-\(self.traceID)-\(Hexadecimal.text(self.spanID))-\(Hexadecimal.text(self.flags))"
  }
}

/// The 16 bytes that all spans of one trace have in common.
public struct TraceID: Hashable, Sendable, CustomStringConvertible {
  let high: UInt64
  let low: UInt64

  /// 32 digits, in lower case.
  public var description: String { Hexadecimal.text(self.high) + Hexadecimal.text(self.low) }
}
