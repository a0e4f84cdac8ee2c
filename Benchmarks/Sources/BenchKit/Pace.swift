public import NIOCore

/// The open model: call number k is due at start + k/rate, whether or not others have come back.
public struct Pace {
  private let start: Int64
  private let interval: Double
  private let slowPercent: Int
  private var next = 0

  /// Calls on their way, at most. Above it calls wait, and their latency still counts from when
  /// they were due.
  public static let maxOutstanding = 4000
  /// How long to wait for room, in nanoseconds.
  private static let pause: Int64 = 50_000

  public init(_ options: Options) {
    self.start = now()
    self.interval = 1e9 / options.rate
    self.slowPercent = options.slowPercent
  }

  public var due: Int64 { self.start + Int64(Double(self.next) * self.interval) }
  public var isSlow: Bool { self.next % 100 < self.slowPercent }

  /// When to look for calls that are due again, the last time being `time`.
  public func wakeUp(after time: Int64) -> NIODeadline {
    .uptimeNanoseconds(UInt64(self.due > time ? self.due : time + Self.pause))
  }

  public mutating func advance() {
    self.next += 1
  }
}
