import Foundation
import NIOCore

extension SplitMix {
  /// 0 ..< bound; cheaper than `Int.random`, which matters in debug builds.
  mutating func below(_ bound: Int) -> Int { Int(truncatingIfNeeded: self.next() >> 33) % bound }

  /// Mostly short times, now and then a long one.
  mutating func time() -> TimeAmount {
    switch self.below(64) {
    case 0: .milliseconds(Int64(self.below(12_000)))
    case 1...8: .milliseconds(Int64(self.below(400)))
    default: .microseconds(Int64(self.below(3_000)))
    }
  }
}

/// How many operations a model test makes; `MODEL_OPERATIONS` asks for more of them.
let modelOperations =
  ProcessInfo.processInfo.environment["MODEL_OPERATIONS"].flatMap { Int($0) } ?? 100_000
