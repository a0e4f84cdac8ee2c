import CoreMetrics
import Synchronization

enum Kind: String, Sendable {
  case counter, gauge, histogram
}

/// The values of one metric under one set of labels.
protocol Series: AnyObject, Sendable {
  func render(_ name: String, _ labels: Labels, into text: inout String)
}

final class Counter: Series, CounterHandler, FloatingPointCounterHandler {
  private let value = Mutex(0.0)

  func increment(by amount: Int64) {
    self.increment(by: Double(amount))
  }

  /// A counter never falls.
  func increment(by amount: Double) {
    guard amount > 0 else { return }
    self.value.withLock { $0 += amount }
  }

  func reset() {
    self.value.withLock { $0 = 0 }
  }

  func render(_ name: String, _ labels: Labels, into text: inout String) {
    let value = self.value.withLock(\.self)
    text += "\(name)\(labels.text()) \(ExpositionText.number(value))\n"
  }
}

final class Gauge: Series, MeterHandler, RecorderHandler {
  private let value = Mutex(0.0)

  func set(_ value: Int64) {
    self.set(Double(value))
  }

  func set(_ value: Double) {
    self.value.withLock { $0 = value }
  }

  func increment(by amount: Double) {
    self.value.withLock { $0 += amount }
  }

  func decrement(by amount: Double) {
    self.value.withLock { $0 -= amount }
  }

  func record(_ value: Int64) {
    self.set(Double(value))
  }

  func record(_ value: Double) {
    self.set(value)
  }

  func render(_ name: String, _ labels: Labels, into text: inout String) {
    let value = self.value.withLock(\.self)
    text += "\(name)\(labels.text()) \(ExpositionText.number(value))\n"
  }
}

final class Histogram: Series, RecorderHandler, TimerHandler {
  private struct State {
    /// Of each bucket alone; the last has no limit.
    var counts: [Int]
    var sum = 0.0
  }

  private let limits: [Double]
  private let state: Mutex<State>

  init(limits: [Double]) {
    self.limits = limits
    self.state = Mutex(State(counts: Array(repeating: 0, count: limits.count + 1)))
  }

  func record(_ value: Int64) {
    self.record(Double(value))
  }

  func record(_ value: Double) {
    // One would make the sum useless for good.
    guard !value.isNaN else { return }
    let bucket = self.limits.firstIndex { value <= $0 } ?? self.limits.count
    self.state.withLock { state in
      state.counts[bucket] += 1
      state.sum += value
    }
  }

  func recordNanoseconds(_ duration: Int64) {
    self.record(Double(duration) / 1_000_000_000)
  }

  func render(_ name: String, _ labels: Labels, into text: inout String) {
    let state = self.state.withLock(\.self)
    var total = 0
    for (limit, count) in zip(self.limits + [.infinity], state.counts) {
      total += count
      let bucket = labels.text(adding: ("le", ExpositionText.number(limit)))
      text += "\(name)_bucket\(bucket) \(total)\n"
    }
    text += "\(name)_sum\(labels.text()) \(ExpositionText.number(state.sum))\n"
    text += "\(name)_count\(labels.text()) \(total)\n"
  }
}
