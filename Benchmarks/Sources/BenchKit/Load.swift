/// Measures one level of load. Every slot (a call in flight) records for itself, so that no lock is
/// measured.
public final class Load: Sendable {
  /// What one slot has seen; used by one task at a time.
  public final class Slot: @unchecked Sendable {
    private let warm: Int64
    private let end: Int64
    private let quota: Int
    fileprivate var quick = Histogram()
    fileprivate var slow = Histogram()
    fileprivate var total = 0
    fileprivate var messages = 0
    private var time: Int64 = 0

    fileprivate init(warm: Int64, end: Int64, quota: Int) {
      self.warm = warm
      self.end = end
      self.quota = quota
    }

    /// Counts a call. Returns when the next one starts, which is now, or nil when it is over.
    public func finished(_ start: Int64, slow: Bool = false) -> Int64? {
      let time = now()
      self.total += 1
      guard time < self.end else { return nil }
      if start >= self.warm {
        if slow {
          self.slow.record(time - start)
        } else {
          self.quick.record(time - start)
        }
      }
      return self.total < self.quota ? time : nil
    }

    /// Counts a message of a stream. Returns whether to go on.
    public func received() -> Bool {
      self.total += 1
      // The clock once in a while: there may be millions of messages a second.
      if self.total % 16 == 0 { self.time = now() }
      if self.time >= self.warm, self.time < self.end { self.messages += 1 }
      return self.time < self.end
    }
  }

  public let options: Options
  public let slots: [Slot]
  public let end: Int64
  private let cpu: Task<Double, Never>

  /// - Parameter slots: the calls in flight, unless all calls share one slot.
  public init(_ options: Options, slots: Int? = nil) {
    let slots = slots ?? options.inFlight
    let warm = now() + Int64(options.warmup * 1e9)
    let end = options.calls > 0 ? Int64.max : warm + Int64(options.seconds * 1e9)
    let quota = options.calls > 0 ? options.calls / slots : Int.max
    self.options = options
    self.end = end
    self.slots = (0..<slots).map { _ in Slot(warm: warm, end: end, quota: quota) }
    self.cpu = Task {
      guard options.calls == 0 else { return 0 }
      try? await Task.sleep(nanoseconds: UInt64(max(warm - now(), 0)))
      let before = cpuMicroseconds()
      try? await Task.sleep(nanoseconds: UInt64(max(end - now(), 0)))
      return cpuMicroseconds() - before
    }
  }

  /// Prints the one line of JSON that the runner reads.
  public func report() async {
    let cpu = await self.cpu.value
    var (quick, slow) = (Histogram(), Histogram())
    var (total, messages) = (0, 0)
    for slot in self.slots {
      quick.add(slot.quick)
      slow.add(slot.slow)
      total += slot.total
      messages += slot.messages
    }
    let counted = quick.count + slow.count + messages
    let perSecond = Double(counted) / self.options.seconds
    print(
      "{\"calls\":\(counted),\"total_calls\":\(total),\"per_second\":\(perSecond),"
        + "\"mb_per_second\":\(perSecond * Double(self.options.bytes) / 1e6),"
        + "\"client_cpu_us\":\(counted > 0 ? cpu / Double(counted) : 0),"
        + quick.json("") + (slow.count > 0 ? slow.json("slow_") : "") + "\"ok\":true}")
  }
}
