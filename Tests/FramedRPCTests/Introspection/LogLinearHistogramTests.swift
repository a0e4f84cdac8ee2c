import Testing

@testable import FramedRPC

@Suite("The histogram")
struct LogLinearHistogramTests {
  @Test("buckets follow each other without a gap, and each value is within its bucket's error")
  func buckets() {
    for bits in [4, 7] {
      var last = -1
      for bucket in 0..<(40 << bits) {
        let upper = LogLinearHistogram.upperBound(bucket, bits)
        #expect(LogLinearHistogram.bucket(upper, bits) == bucket)
        #expect(LogLinearHistogram.bucket(upper + 1, bits) == bucket + 1)
        #expect(bucket == last + 1)
        last = bucket
      }
      for value: UInt64 in [0, 1, 15, 16, 17, 127, 128, 129, 1_000_003, 3_599_999_999] {
        let upper = LogLinearHistogram.upperBound(LogLinearHistogram.bucket(value, bits), bits)
        #expect(upper >= value)
        #expect(upper - value <= value >> UInt64(bits))
      }
    }
  }

  @Test("quantiles of known values")
  func quantiles() {
    var histogram = LogLinearHistogram(precisionBits: 7, largest: 1_000_000)
    #expect(histogram.quantile(0.5) == 0)
    for value: UInt64 in 1...10_000 {
      histogram.record(value)
    }
    #expect(histogram.count == 10_000)
    #expect(histogram.mean == 5000.5)
    #expect(histogram.max == 10_000)
    for (fraction, truth) in [(0.5, 5000.0), (0.9, 9000), (0.99, 9900), (0.999, 9990)] {
      let found = Double(histogram.quantile(fraction))
      #expect(found >= truth && found <= truth * (1 + 1 / 128), "\(fraction): \(found)")
    }
    #expect(histogram.quantile(1) == 10_000)
    #expect(histogram.quantile(0) == 1)
  }

  @Test("a value above the largest is counted as the largest")
  func tooLarge() {
    var histogram = LogLinearHistogram(precisionBits: 4, largest: 1000)
    histogram.record(.max)
    #expect(histogram.max == 1000)
    #expect(histogram.quantile(0.99) == 1000)
  }

  @Test("two histograms merged are one of all values")
  func merge() {
    var both = LogLinearHistogram(precisionBits: 4, largest: 1 << 20)
    var one = both
    var other = both
    for value: UInt64 in stride(from: 1, to: 100_000, by: 7) {
      both.record(value)
      if value.isMultiple(of: 2) { one.record(value) } else { other.record(value) }
    }
    one.merge(other)
    #expect(one.count == both.count)
    #expect(one.max == both.max)
    for fraction in [0.1, 0.5, 0.9, 0.999] {
      #expect(one.quantile(fraction) == both.quantile(fraction))
    }
  }
}
