import Glibc
import NIOCore
import Synchronization

/// One event loop's reads: the tasks that a read resumes run at its end, before what they send leaves.
///
/// Without this an answer would resume its caller after a turn of the loop, and the caller's next
/// call would leave after another: as many system calls, but some 3 % more processor time a call.
///
/// `@unchecked Sendable`: touched only by the thread that reads, which any other can tell.
final class LoopTurn: @unchecked Sendable {
  private let loop: any EventLoop
  /// The thread that reads now, 0 if none does.
  private let reader = Atomic<UInt>(0)
  /// Executors whose tasks wait for the end of the read.
  @exclusivity(unchecked) private var waiting: [EventLoopTaskExecutor] = []
  /// The memory of the last ones.
  @exclusivity(unchecked) private var spare: [EventLoopTaskExecutor] = []

  private init(_ loop: any EventLoop) {
    self.loop = loop
  }

  /// The one of `loop`, the same for all connections and executors of it.
  static func of(_ loop: any EventLoop) -> LoopTurn {
    self.turns.withLock { turns in
      if let turn = turns[ObjectIdentifier(loop)]?.turn { return turn }
      // Seldom: a process has few loops.
      turns = turns.filter { $0.value.turn != nil }
      let turn = LoopTurn(loop)
      turns[ObjectIdentifier(loop)] = WeakTurn(turn: turn)
      return turn
    }
  }

  /// A loop whose turn is still there is there too, and no other has its address.
  private static let turns = Mutex<[ObjectIdentifier: WeakTurn]>([:])

  private struct WeakTurn {
    weak var turn: LoopTurn?
  }

  /// Whether the caller is part of a read.
  ///
  /// By thread: a loop made for tests takes every thread for its own.
  var isReadingHere: Bool { self.reader.load(ordering: .relaxed) == Self.thread }

  private static var thread: UInt { UInt(pthread_self()) }

  /// Runs `read`, then the tasks that it has resumed. What those resume in turn waits for the loop.
  func read(_ read: () -> Void) {
    self.loop.assertInEventLoop()
    guard !self.isReadingHere else { return read() }
    self.reader.store(Self.thread, ordering: .relaxed)
    read()
    self.reader.store(0, ordering: .relaxed)
    guard !self.waiting.isEmpty else { return }
    var executors = exchange(&self.spare, with: [])
    swap(&self.waiting, &executors)
    for executor in executors {
      executor.drainTurn()
    }
    executors.removeAll(keepingCapacity: true)
    self.spare = executors
  }

  /// Drains the executor at the end of the read. Only when ``isReadingHere``.
  func append(_ executor: EventLoopTaskExecutor) {
    self.waiting.append(executor)
  }
}
