import BenchKit
import NIOCore
import NIOPosix

/// Runs tasks on an event loop: those that the loop resumes when it is told to, at the end of a read.
///
/// `@unchecked Sendable`: what changes is touched on the loop only.
private final class ReadExecutor: TaskExecutor, @unchecked Sendable {
  private let loop: any EventLoop
  private var ready: [UnownedJob] = []
  /// What the tasks have written.
  var output = ByteBuffer()

  init(_ loop: any EventLoop) {
    self.loop = loop
  }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    if self.loop.inEventLoop {
      self.ready.append(job)
    } else {
      self.loop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
  }

  /// Runs the tasks, and hands over what they write.
  func readComplete(_ output: inout ByteBuffer) {
    self.run()
    swap(&output, &self.output)
  }

  private func run() {
    var batch: [UnownedJob] = []
    swap(&self.ready, &batch)
    for job in batch { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    batch.removeAll(keepingCapacity: true)
    if self.ready.isEmpty { self.ready = batch }
  }
}

/// Echoes each frame by an `async` function in a task; tasks are used again.
///
/// `@unchecked Sendable`: touched on its loop only.
final class TaskEcho: @unchecked Sendable {
  /// One task, waiting for a frame.
  private final class Worker: @unchecked Sendable {
    var frame: ByteBuffer
    var continuation: UnsafeContinuation<Void, Never>?

    init(_ frame: ByteBuffer) {
      self.frame = frame
    }
  }

  private(set) var handler = FrameHandler { _, _ in }
  private let executor: ReadExecutor
  private var idle: [Worker] = []

  init(_ loop: any EventLoop) {
    self.executor = ReadExecutor(loop)
    self.handler = FrameHandler(readComplete: self.executor.readComplete) { frame, _ in
      self.receive(frame)
    }
  }

  private func receive(_ frame: ByteBuffer) {
    guard let worker = self.idle.popLast() else {
      let worker = Worker(frame)
      Task.immediate(executorPreference: self.executor) { await self.serve(worker) }
      return
    }
    worker.frame = frame
    worker.continuation.take()?.resume()
  }

  private func serve(_ worker: Worker) async {
    while true {
      let answer = await self.handle(worker.frame)
      self.executor.output.writeImmutableBuffer(answer)
      await withUnsafeContinuation { continuation in
        worker.continuation = continuation
        self.idle.append(worker)
      }
    }
  }

  @inline(never)
  private func handle(_ frame: ByteBuffer) async -> ByteBuffer { frame }
}

/// A task for each call in flight, which waits for its frame.
///
/// `@unchecked Sendable`: touched on its loop only.
final class TaskClient: @unchecked Sendable {
  private(set) var handler = FrameHandler { _, _ in }
  private let load: Load
  private let executor: ReadExecutor
  private let body: ByteBuffer
  private var waiting: [UnsafeContinuation<Void, Never>?]

  init(_ load: Load, _ loop: any EventLoop) {
    self.load = load
    self.executor = ReadExecutor(loop)
    self.body = ByteBuffer(repeating: 0x61, count: load.options.bytes)
    self.waiting = Array(repeating: nil, count: load.slots.count)
    self.handler = FrameHandler(readComplete: self.executor.readComplete) { frame, _ in
      let slot = Int(frame.getInteger(at: frame.readerIndex + 8, as: UInt32.self) ?? 0)
      self.waiting[slot].take()?.resume()
    }
  }

  func run(_ channel: any Channel) async throws {
    await withDiscardingTaskGroup { group in
      for (number, slot) in self.load.slots.enumerated() {
        group.addTask(executorPreference: self.executor) {
          var start = now()
          var isFirst = true
          repeat {
            await self.call(number, isFirst ? channel : nil)
            isFirst = false
            guard let next = slot.finished(start) else { return }
            start = next
          } while true
        }
      }
    }
  }

  /// - Parameter first: of the first call, which no read causes: it is sent at once.
  private func call(_ slot: Int, _ first: (any Channel)?) async {
    await withUnsafeContinuation { continuation in
      self.waiting[slot] = continuation
      self.executor.output.writeMultipleIntegers(
        UInt32(self.body.readableBytes), UInt32(0), endianness: .little)
      self.executor.output.writeMultipleIntegers(UInt32(slot), UInt32(0))
      self.executor.output.writeImmutableBuffer(self.body)
      guard let first else { return }
      first.writeAndFlush(self.executor.output, promise: nil)
      self.executor.output.clear()
    }
  }
}
