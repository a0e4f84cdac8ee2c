import NIOCore
import Synchronization

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Measures how much of the machine this process uses.
///
/// CPU is the time that its threads ran, over the time that the processors had which it may use
/// (`System.coreCount`), of the last whole interval. Memory is its resident set over the machine's
/// memory, where the system says it in `/proc`; limits of a container are not asked for.
public final class ProcessLoad: Sendable {
  /// What has been used since the process began.
  struct Usage: Sendable {
    /// In nanoseconds, of all threads.
    var cpuTime: Int64
    var memoryUtilization: Double?
  }

  private struct State {
    var since: NIODeadline
    var used: Usage
    var report: LoadReport
  }

  private let interval: TimeAmount
  private let processors: Int
  private let now: @Sendable () -> NIODeadline
  private let usage: @Sendable () -> Usage
  private let state: Mutex<State>

  /// - Parameter interval: over which CPU is measured; until the first has passed there is no report
  ///   of it.
  public convenience init(interval: Duration = .seconds(1)) {
    self.init(
      interval: interval, processors: System.coreCount, now: { .now() },
      usage: { Self.currentUsage() })
  }

  init(
    interval: Duration, processors: Int, now: @escaping @Sendable () -> NIODeadline,
    usage: @escaping @Sendable () -> Usage
  ) {
    self.interval = TimeAmount(interval)
    self.processors = processors
    self.now = now
    self.usage = usage
    let used = usage()
    self.state = Mutex(
      State(
        since: now(), used: used, report: LoadReport(memoryUtilization: used.memoryUtilization)))
  }

  /// The load of the last interval that has passed. It measures once an interval, whoever asks how
  /// often, and then reads one short file of the kernel's.
  public func report() -> LoadReport {
    self.state.withLock { state in
      let now = self.now()
      let elapsed = (now - state.since).nanoseconds
      guard elapsed >= self.interval.nanoseconds, elapsed > 0 else { return state.report }
      let used = self.usage()
      let share =
        Double(used.cpuTime - state.used.cpuTime) / (Double(elapsed) * Double(self.processors))
      state = State(
        since: now, used: used,
        report: LoadReport(
          cpuUtilization: max(share, 0), memoryUtilization: used.memoryUtilization))
      return state.report
    }
  }

  static func currentUsage() -> Usage {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Usage(
      cpuTime: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec),
      memoryUtilization: self.memoryUtilization())
  }

  /// The second number of statm is the pages in memory.
  private static func memoryUtilization() -> Double? {
    let file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: 128)
    let count = read(file, &bytes, bytes.count)
    guard count > 0 else { return nil }
    let fields = String(decoding: bytes[..<count], as: UTF8.self).split(separator: " ")
    let pages = sysconf(Int32(_SC_PHYS_PAGES))
    guard fields.count > 1, let resident = Int(fields[1]), pages > 0 else { return nil }
    return Double(resident) / Double(pages)
  }
}
