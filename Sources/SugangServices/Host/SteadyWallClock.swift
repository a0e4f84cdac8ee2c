import Kernel

/// A time of day that goes on as time passes, whatever somebody sets the machine's clock to: for
/// what expires while people wait.
package struct SteadyWallClock: WallClock {
  private let start = SystemWallClock().now()
  private let started = ContinuousClock.now

  package init() {}

  package func now() -> Timestamp {
    let passed = ContinuousClock.now - self.started
    return Timestamp(microseconds: self.start.microseconds + Int64(passed / .microseconds(1)))
  }
}
