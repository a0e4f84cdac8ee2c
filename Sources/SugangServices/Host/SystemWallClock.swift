import Foundation
import Kernel

/// The machine's time of day.
package struct SystemWallClock: WallClock {
  package init() {}

  package func now() -> Timestamp {
    Timestamp(microseconds: Int64((Date().timeIntervalSince1970 * 1_000_000).rounded()))
  }
}
