import Foundation
import Kernel

/// The machine's time of day.
struct SystemWallClock: WallClock {
  func now() -> Timestamp {
    Timestamp(microseconds: Int64((Date().timeIntervalSince1970 * 1_000_000).rounded()))
  }
}
