/// Counts latencies in buckets that are each about 3 % wide.
struct LatencyHistogram {
  private static let stepsPerDoubling = 32
  private static let stepBits = 5

  private var counts = [Int](repeating: 0, count: 64 * Self.stepsPerDoubling)
  private(set) var count = 0

  mutating func record(nanoseconds: Int64) {
    self.counts[Self.bucket(UInt64(max(nanoseconds, 0)))] += 1
    self.count += 1
  }

  /// The latency that `fraction` of the calls did not exceed.
  func microseconds(at fraction: Double) -> Double {
    var left = Int((Double(self.count) * fraction).rounded(.up))
    for (bucket, count) in self.counts.enumerated() where count > 0 {
      left -= count
      if left <= 0 { return Double(Self.upperBound(bucket)) / 1000 }
    }
    return 0
  }

  /// Values below 32 have a bucket each; from there, 32 buckets for each power of two.
  static func bucket(_ value: UInt64) -> Int {
    guard value >= self.stepsPerDoubling else { return Int(value) }
    let shift = (UInt64.bitWidth - 1 - value.leadingZeroBitCount) - self.stepBits
    return (shift + 1) * self.stepsPerDoubling + Int(value >> UInt64(shift)) - self.stepsPerDoubling
  }

  static func upperBound(_ bucket: Int) -> UInt64 {
    let shift = bucket / self.stepsPerDoubling - 1
    guard shift >= 0 else { return UInt64(bucket) }
    let step = UInt64(bucket % self.stepsPerDoubling + self.stepsPerDoubling)
    return (step + 1) << UInt64(shift) - 1
  }
}
