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
  /// Most calls of one read whose handlers wait for the rest of it: the first answers leave while the
  /// others are made.
  package static let mostWaiting = 16
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
  /// Calls whose handlers are to run on the loop.
  @exclusivity(unchecked) private var waiting = CircularBuffer<ServerConnection.Call>()
  /// How many ``runWaiting()`` are on the stack: a handler may bring about a call to its own process.
  @exclusivity(unchecked) private var running = 0
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
    for task in exchange(&self.idleOnLoop, with: []) + exchange(&self.idleOnPool, with: []) {
      task.resume(self.executor)
    }
  }

  /// Begins a call.
  ///
  /// - Parameter mayWait: whether ``runWaiting()`` follows, so that a handler on the loop may run then.
  func run(_ call: ServerConnection.Call, _ execution: HandlerExecution, mayWait: Bool) {
    self.loop.assertInEventLoop()
    switch execution {
    case .eventLoop:
      self.waiting.append(call)
      if !mayWait || self.waiting.count >= Self.mostWaiting {
        self.runWaiting()
      }
    case .sharedPool:
      self.lendBuffer(to: call)
      let task = self.idleOnPool.popLast() ?? HandlerTask(self, .sharedPool)
      task.run(call, self.executor)
      call.task = task.task
    }
  }

  /// Runs the handlers of the calls that wait, on the loop, each until it first waits.
  ///
  /// One task makes call after call, and another takes over when a handler waits: to resume a task for
  /// each was a fifth of the time of a call.
  func runWaiting() {
    self.loop.assertInEventLoop()
    self.running += 1
    while let call = self.nextWaiting() {
      let task = self.idleOnLoop.popLast() ?? HandlerTask(self, .eventLoop)
      task.run(call, self.executor)
      // Of a handler that waits: to cancel it with.
      task.call?.task = task.task
    }
    self.running -= 1
  }

  /// A call that waits for its handler and that its caller still waits for.
  private func nextWaiting() -> ServerConnection.Call? {
    while let call = self.waiting.popFirst() {
      guard call.connection.isWaitedFor(call) else {
        // Given up, or its connection lost, in the read that brought it.
        call.connection.finish(call, nil, nil)
        continue
      }
      self.lendBuffer(to: call)
      return call
    }
    return nil
  }

  private func lendBuffer(to call: ServerConnection.Call) {
    guard let buffer = self.spare.popLast() else { return }
    self.spareBytes -= buffer.storageCapacity
    call.lend(buffer)
  }

  /// The handler of a task on the loop has ended.
  ///
  /// - Returns: whether the task goes on: with the call that it has now, or to wait for one.
  func finish(_ task: HandlerTask) -> Bool {
    guard self.endCall(of: task) else { return false }
    if self.running > 0, let call = self.nextWaiting() {
      task.take(call)
      return true
    }
    return self.idleOnLoop.count < Self.mostIdle
  }

  /// A task on the loop waits for a call.
  func park(_ task: HandlerTask) {
    self.idleOnLoop.append(task)
  }

  /// The handler of a task of the pool has ended; on the task's own thread.
  func handled(_ task: HandlerTask) {
    let mustWake = self.ended.withLock { tasks in
      tasks.append(task)
      return tasks.count == 1
    }
    if mustWake {
      self.loop.execute {
        for task in self.ended.withLock({ exchange(&$0, with: []) }) {
          self.finishOnPool(task)
        }
      }
    }
  }

  private func finishOnPool(_ task: HandlerTask) {
    if self.endCall(of: task), self.idleOnPool.count < Self.mostIdle {
      self.idleOnPool.append(task)
    } else {
      task.resume(self.executor)
    }
  }

  /// - Returns: whether the task may run another.
  private func endCall(of task: HandlerTask) -> Bool {
    var buffer = task.finish()
    guard self.connections > 0 else { return false }
    self.keep(&buffer)
    return task.isReusable
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
