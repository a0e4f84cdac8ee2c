import NIOCore

/// The calls of late, as a circuit breaker judges them.
package struct OutcomeCounts: Hashable, Sendable {
  package var calls = 0
  package var failures = 0
  package var slow = 0

  package init() {}

  fileprivate mutating func add(_ outcome: OutcomeWindow.Outcome) {
    self.calls += 1
    self.failures += outcome.isFailure ? 1 : 0
    self.slow += outcome.isSlow ? 1 : 0
  }

  fileprivate mutating func take(_ outcome: OutcomeWindow.Outcome) {
    self.calls -= 1
    self.failures -= outcome.isFailure ? 1 : 0
    self.slow -= outcome.isSlow ? 1 : 0
  }

  fileprivate mutating func add(_ other: OutcomeCounts) {
    self.calls += other.calls
    self.failures += other.failures
    self.slow += other.slow
  }
}

/// A sliding window over outcomes, with running sums: what it costs to ask does not depend on its
/// size.
///
/// A window of calls is a ring of them; with a time as well, those that are too old leave it. A
/// window of time alone would need a ring as large as the traffic: it has ten slices instead, each
/// with its sums (resilience4j and Hystrix do the same), and so it forgets a tenth at a time.
struct OutcomeWindow: Sendable {
  struct Outcome: Sendable {
    let isFailure: Bool
    let isSlow: Bool
  }

  private struct Record: Sendable {
    let time: NIODeadline
    let outcome: Outcome
  }

  private struct Slice: Sendable {
    var number: UInt64
    var counts = OutcomeCounts()
  }

  private static let sliceCount = 10

  private let maxCalls: Int?
  private let maxAge: TimeAmount?
  /// The oldest first.
  private var records: CircularBuffer<Record> = []
  private var sums = OutcomeCounts()
  /// At most ten, the oldest first; only for a window of time alone.
  private var slices: CircularBuffer<Slice> = []

  init(calls: Int?, time: Duration?) {
    self.maxCalls = calls
    self.maxAge = time.map { TimeAmount($0) }
  }

  mutating func add(_ outcome: Outcome, now: NIODeadline) {
    guard let maxCalls = self.maxCalls else { return self.addToSlice(outcome, now) }
    if self.records.count == maxCalls { self.dropOldest() }
    self.records.append(Record(time: now, outcome: outcome))
    self.sums.add(outcome)
  }

  mutating func counts(now: NIODeadline) -> OutcomeCounts {
    guard let maxAge = self.maxAge else { return self.sums }
    guard self.maxCalls != nil else {
      self.dropSlices(until: self.sliceNumber(now))
      return self.slices.reduce(into: OutcomeCounts()) { $0.add($1.counts) }
    }
    let oldest = now - maxAge
    while let first = self.records.first, first.time < oldest { self.dropOldest() }
    return self.sums
  }

  mutating func removeAll() {
    self.records.removeAll(keepingCapacity: true)
    self.slices.removeAll(keepingCapacity: true)
    self.sums = OutcomeCounts()
  }

  private mutating func dropOldest() {
    self.sums.take(self.records.removeFirst().outcome)
  }

  private mutating func addToSlice(_ outcome: Outcome, _ now: NIODeadline) {
    // A clock that is read before the lock may be a little behind: the last slice takes it.
    let number = max(self.sliceNumber(now), self.slices.last?.number ?? 0)
    if self.slices.last?.number != number {
      self.dropSlices(until: number)
      self.slices.append(Slice(number: number))
    }
    self.slices[self.slices.index(before: self.slices.endIndex)].counts.add(outcome)
  }

  private mutating func dropSlices(until number: UInt64) {
    while let first = self.slices.first, first.number + UInt64(Self.sliceCount) <= number {
      self.slices.removeFirst()
    }
  }

  private func sliceNumber(_ now: NIODeadline) -> UInt64 {
    let length = max(1, (self.maxAge?.nanoseconds ?? 0) / Int64(Self.sliceCount))
    return now.uptimeNanoseconds / UInt64(length)
  }
}
