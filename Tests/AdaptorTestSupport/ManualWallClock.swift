import Kernel
import Synchronization

/// A time of day that stands still until a test moves it.
package final class ManualWallClock: WallClock {
  /// 2026-03-02T00:00:00Z: the first day of a Korean term.
  private let current = Mutex(Timestamp(microseconds: 1_772_409_600_000_000))

  package init() {}

  package func now() -> Timestamp {
    self.current.withLock { $0 }
  }

  package func advance(seconds: Int64) {
    self.current.withLock { $0 = $0.adding(seconds: seconds) }
  }
}
