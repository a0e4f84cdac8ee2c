import NIOCore
import Synchronization

/// The tasks that run the handlers of one event loop's connections, one call after the other.
///
/// A task for every call costs eight allocations: the task, its closure, and the stack of its
/// asynchronous frames. One that has done its call waits here for the next instead. It never makes a
/// call wait: when none is idle, another is made.
///
/// Nothing of a call reaches the next. Task-local values end with the scope that set them, and a task
/// is made without any. One that was cancelled, or whose priority was raised, is not used again,
/// since nobody can undo that.
///
/// `@unchecked Sendable`: touched only on the loop, but for ``ended``.
package final class HandlerTasks: @unchecked Sendable {
  /// Most idle tasks kept for each ``HandlerExecution``; the stack of each is one or two KiB.
  package static let mostIdle = 256
  /// Most memory kept for answers, in bytes.
  static let mostSpareBytes = 1024 * 1024

  private let loop: any EventLoop
  private let executor: EventLoopTaskExecutor
  @exclusivity(unchecked) private var idleOnLoop: [HandlerTask] = []
  @exclusivity(unchecked) private var idleOnPool: [HandlerTask] = []
  /// Memory of answers that have left, for the next ones.
  @exclusivity(unchecked) private var spare: [ByteBuffer] = []
  @exclusivity(unchecked) private var spareBytes = 0
  /// Connections that may bring calls; without any no task is kept, so that none outlives the loop.
  @exclusivity(unchecked) private var connections = 0
  /// Tasks whose handlers have ended on another thread.
  private let ended = Mutex<[HandlerTask]>([])

  package init(loop: any EventLoop) {
    self.loop = loop
    self.executor = EventLoopTaskExecutor(loop: loop)
  }

  /// Tasks that wait for a call.
  package var idle: Int { self.idleOnLoop.count + self.idleOnPool.count }

  /// A connection begins …
  func join() {
    self.loop.assertInEventLoop()
    self.connections += 1
  }

  /// … and is over, with all its calls.
  func leave() {
    self.loop.assertInEventLoop()
    self.connections -= 1
    guard self.connections == 0 else { return }
    self.spare = []
    self.spareBytes = 0
    for task in exchange(&self.idleOnLoop, with: []) {
      self.executor.resumeNow { task.resume() }
    }
    for task in exchange(&self.idleOnPool, with: []) {
      task.resume()
    }
  }

  /// Begins a call. On the event loop its handler runs until it first waits before this returns.
  ///
  /// - Returns: the task, to cancel it with until the call is handled.
  func run(
    _ call: ServerConnection.Call, _ execution: HandlerExecution
  ) -> Task<Void, Never>? {
    self.loop.assertInEventLoop()
    if let buffer = self.spare.popLast() {
      self.spareBytes -= buffer.storageCapacity
      call.lend(buffer)
    }
    let idle =
      switch execution {
      case .eventLoop: self.idleOnLoop.popLast()
      case .sharedPool: self.idleOnPool.popLast()
      }
    guard let idle else {
      let task = HandlerTask(execution)
      task.take(call)
      task.begin(self.executor)
      return task.task
    }
    idle.take(call)
    switch execution {
    case .eventLoop: self.executor.resumeNow { idle.resume() }
    case .sharedPool: idle.resume()
    }
    return idle.task
  }

  /// The handler of a task has ended; on the task's own thread.
  func handled(_ task: HandlerTask) {
    if self.loop.inEventLoop {
      return self.finish(task)
    }
    let mustWake = self.ended.withLock { tasks in
      tasks.append(task)
      return tasks.count == 1
    }
    if mustWake {
      self.loop.execute {
        for task in self.ended.withLock({ exchange(&$0, with: []) }) {
          self.finish(task)
        }
      }
    }
  }

  private func finish(_ task: HandlerTask) {
    var buffer = task.finish()
    guard self.connections > 0 else { return task.resume() }
    self.keep(&buffer)
    guard task.isReusable else { return task.resume() }
    switch task.execution {
    case .eventLoop where self.idleOnLoop.count < Self.mostIdle: self.idleOnLoop.append(task)
    case .sharedPool where self.idleOnPool.count < Self.mostIdle: self.idleOnPool.append(task)
    default: task.resume()
    }
  }

  /// Keeps a buffer that nobody else has, such as a chunk that waits to be sent.
  private func keep(_ buffer: inout ByteBuffer?) {
    let bytes = buffer?.storageCapacity ?? 0
    guard self.spareBytes + bytes <= Self.mostSpareBytes,
      buffer?.modifyIfUniquelyOwned({ $0.clear() }) != nil, let spare = buffer.take()
    else { return }
    self.spareBytes += bytes
    self.spare.append(spare)
  }
}
