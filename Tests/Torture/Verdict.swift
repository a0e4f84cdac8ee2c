import ArgumentParser

/// Whether the machine has nothing else to do.
struct TimingOptions: ParsableArguments {
  @Flag(help: "Only print what is too slow, and do not fail for it: for a busy machine.")
  var untimed = false
}

/// Collects what was expected and what was seen, and says it line by line.
struct Verdict {
  private var failures = 0
  private let judgesTimes: Bool

  /// - Parameter judgesTimes: whether a promise about time or speed that is broken counts.
  init(judgesTimes: Bool = true) {
    self.judgesTimes = judgesTimes
  }

  /// A promise about time or speed: a busy machine breaks it without anybody's fault.
  mutating func expectInTime(_ isKept: Bool, _ promise: String) {
    guard self.judgesTimes || isKept else {
      print("slow   \(promise)")
      return
    }
    self.expect(isKept, promise)
  }

  /// One promise: printed at once, kept or not.
  mutating func expect(_ isKept: Bool, _ promise: String) {
    print("\(isKept ? "ok    " : "FAILED") \(promise)")
    if !isKept { self.failures += 1 }
  }

  /// - Throws: `ExitCode.failure` when a promise was broken.
  func finish() throws {
    guard self.failures == 0 else { throw ExitCode.failure }
  }
}

/// Milliseconds with one digit behind the point.
func milliseconds(_ duration: Duration) -> String {
  let tenths = Int64((duration / .microseconds(100)).rounded())
  return "\(tenths / 10).\(abs(tenths % 10)) ms"
}

/// The value below which a share of the sorted durations lies; zero of none.
func quantile(_ share: Double, of sorted: [Duration]) -> Duration {
  guard !sorted.isEmpty else { return .zero }
  return sorted[min(sorted.count - 1, Int(share * Double(sorted.count)))]
}
