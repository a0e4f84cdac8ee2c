import Glibc
import NIOCore

/// Lets an event loop that refuses sleep for a moment, so that what comes meanwhile is read and
/// answered together.
///
/// Else a loop that is done with one request sleeps until the next one wakes it, some microseconds
/// later, and both cost more than the refusal itself: on a machine that is full, at the expense of
/// the requests that are let in. What network cards do with their interrupts. Touched on its loop
/// only.
final class LoopRest: @unchecked Sendable {
  private let loop: any EventLoop
  private let time: Duration
  private let sleep: (Duration) -> Void
  private var isDue = false

  /// - Parameter sleep: blocks the thread.
  init(
    _ loop: any EventLoop, _ time: Duration,
    sleep: @escaping (Duration) -> Void = LoopRest.sleep
  ) {
    self.loop = loop
    self.time = time
    self.sleep = sleep
  }

  /// Rests once the loop has done what it knows of now; asked again before that, once all the same.
  func take() {
    guard !self.isDue, self.time > .zero else { return }
    self.isDue = true
    self.loop.execute {
      self.isDue = false
      self.sleep(self.time)
    }
  }

  private static func sleep(_ time: Duration) {
    usleep(UInt32(clamping: Int64(time / .microseconds(1))))
  }
}
