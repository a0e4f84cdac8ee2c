/// The open model: call number k is due at start + k/rate, whether or not others have come back.
public struct Pace {
  private let start: Int64
  private let interval: Double
  private let slowPercent: Int
  private var next = 0

  /// Calls that may be on their way before the load counts as too much.
  public static let maxOutstanding = 20_000

  public init(_ options: Options) {
    self.start = now()
    self.interval = 1e9 / options.rate
    self.slowPercent = options.slowPercent
  }

  public var due: Int64 { self.start + Int64(Double(self.next) * self.interval) }
  public var isSlow: Bool { self.next % 100 < self.slowPercent }

  public mutating func advance() {
    self.next += 1
  }
}
