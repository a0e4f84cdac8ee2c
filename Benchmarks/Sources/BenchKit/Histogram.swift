/// Counts latencies in buckets that are each about 3 % wide.
struct Histogram {
  private static let stepsPerDoubling = 32
  private static let stepBits = 5

  private var counts = [UInt32](repeating: 0, count: 60 * Self.stepsPerDoubling)
  private(set) var count = 0
  private(set) var max: Int64 = 0

  mutating func record(_ nanoseconds: Int64) {
    self.counts[Self.bucket(UInt64(Swift.max(nanoseconds, 0)))] += 1
    self.count += 1
    self.max = Swift.max(self.max, nanoseconds)
  }

  mutating func add(_ other: Histogram) {
    for index in self.counts.indices {
      self.counts[index] += other.counts[index]
    }
    self.count += other.count
    self.max = Swift.max(self.max, other.max)
  }

  /// The latency that `fraction` of the calls did not exceed.
  func microseconds(_ fraction: Double) -> Double {
    var left = Int((Double(self.count) * fraction).rounded(.up))
    for (bucket, count) in self.counts.enumerated() where count > 0 {
      left -= Int(count)
      if left <= 0 { return Double(Self.upperBound(bucket)) / 1000 }
    }
    return 0
  }

  /// Fields of a JSON object, in microseconds.
  func json(_ prefix: String) -> String {
    let percentiles = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p999", 0.999)]
    return percentiles.map { "\"\(prefix)\($0)\":\(self.microseconds($1))," }.joined()
      + "\"\(prefix)max\":\(Double(self.max) / 1000),"
  }

  private static func bucket(_ value: UInt64) -> Int {
    guard value >= self.stepsPerDoubling else { return Int(value) }
    let shift = (UInt64.bitWidth - 1 - value.leadingZeroBitCount) - self.stepBits
    return (shift + 1) * self.stepsPerDoubling + Int(value >> UInt64(shift)) - self.stepsPerDoubling
  }

  private static func upperBound(_ bucket: Int) -> UInt64 {
    let shift = bucket / self.stepsPerDoubling - 1
    guard shift >= 0 else { return UInt64(bucket) }
    let step = UInt64(bucket % self.stepsPerDoubling + self.stepsPerDoubling)
    return (step + 1) << UInt64(shift) - 1
  }
}
