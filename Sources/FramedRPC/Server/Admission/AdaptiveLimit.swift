package import NIOCore

/// The limit of an ``AdaptiveLimitPolicy`` as a state machine: it is told of calls and time, and
/// only decides.
package struct AdaptiveLimit: Sendable {
  /// Windows until the no-load service time is measured when it is not trusted: after the start, and
  /// after a measurement that found much less than was known.
  private static let soonWindows = 10
  /// Windows after which a measurement that has not got its calls is given up.
  private static let measurementWindows = 20

  private enum Phase: Sendable {
    case normal
    /// The limit is lowered; calls that began before are still there.
    case draining(since: NIODeadline)
    /// Calls that began after `from` are measured.
    case measuring(from: NIODeadline, since: NIODeadline)
  }

  private let policy: AdaptiveLimitPolicy
  private let window: TimeAmount
  private var estimate: Double
  private var phase = Phase.normal
  /// In nanoseconds; nil before the first window has ended.
  package private(set) var noLoad: Double?
  private var nextMeasurement: NIODeadline
  // The window.
  private var began: NIODeadline
  private var calls = 0
  private var nanoseconds = 0.0
  private var mostInFlight = 0

  package init(policy: AdaptiveLimitPolicy, now: NIODeadline) {
    policy.check()
    self.policy = policy
    self.window = TimeAmount(policy.window)
    self.estimate = Double(policy.initial)
    self.began = now
    self.nextMeasurement = now + self.window * Self.soonWindows
  }

  package var limit: Int {
    switch self.phase {
    case .normal: Int(self.estimate)
    case .draining, .measuring: max(self.policy.min, Int(self.estimate / 2))
    }
  }

  package mutating func began(inFlight: Int) {
    self.mostInFlight = max(self.mostInFlight, inFlight)
  }

  /// A call has ended.
  ///
  /// - Parameters:
  ///   - inFlight: calls that are left.
  package mutating func ended(began: NIODeadline, inFlight: Int, now: NIODeadline) {
    if case .draining(let since) = self.phase, inFlight <= self.limit {
      self.phase = .measuring(from: now, since: since)
      self.beginWindow(now, inFlight)
    } else if case .measuring(let from, _) = self.phase, began < from {
      // It ran beside more calls than are allowed now.
    } else {
      self.calls += 1
      self.nanoseconds += Double(max(0, (now - began).nanoseconds))
    }
    guard now - self.began >= self.window else { return }
    self.endWindow(inFlight, now)
  }

  private mutating func beginWindow(_ now: NIODeadline, _ inFlight: Int) {
    self.began = now
    self.calls = 0
    self.nanoseconds = 0
    self.mostInFlight = inFlight
  }

  private mutating func endWindow(_ inFlight: Int, _ now: NIODeadline) {
    let isWhole = self.calls >= self.policy.windowCalls
    let mean = isWhole ? max(1, self.nanoseconds / Double(self.calls)) : 0
    switch self.phase {
    case .normal:
      guard isWhole else { return }
      self.adjust(mean, now)
    case .draining(let since):
      guard self.isTooLong(since, now) else { return }
      self.endMeasurement(now)
    case .measuring(_, let since):
      guard isWhole || self.isTooLong(since, now) else { return }
      self.endMeasurement(now)
      if isWhole {
        // Even the half of the limit may have been too much: measured again below the new one.
        if mean < 0.9 * (self.noLoad ?? 0) {
          self.nextMeasurement = now + self.window * Self.soonWindows
        }
        self.noLoad = mean
      }
    }
    self.beginWindow(now, inFlight)
  }

  private func isTooLong(_ since: NIODeadline, _ now: NIODeadline) -> Bool {
    now - since >= self.window * Self.measurementWindows
  }

  private mutating func endMeasurement(_ now: NIODeadline) {
    self.phase = .normal
    self.nextMeasurement = now + TimeAmount(self.policy.remeasureInterval)
  }

  private mutating func adjust(_ mean: Double, _ now: NIODeadline) {
    let isBusy = 2 * self.mostInFlight > Int(self.estimate)
    let noLoad = self.learn(mean, isBusy: isBusy)
    guard isBusy else {
      self.nextMeasurement = now + TimeAmount(self.policy.remeasureInterval)
      return
    }
    let gradient = min(max(self.policy.tolerance * noLoad / mean, 0.5), 1)
    let wanted = self.estimate * gradient + self.estimate.squareRoot()
    let next = self.estimate + (wanted - self.estimate) * self.policy.smoothing
    self.estimate = min(max(next, Double(self.policy.min)), Double(self.policy.max))
    if now >= self.nextMeasurement {
      self.phase = .draining(since: now)
    }
  }

  /// - Returns: the no-load service time, the window's included.
  private mutating func learn(_ mean: Double, isBusy: Bool) -> Double {
    guard var noLoad = self.noLoad else {
      self.noLoad = mean
      return mean
    }
    if noLoad > 2 * mean {
      // Load is over that has been taken for normal: go down faster, as Gradient2 does.
      noLoad *= 0.9
    } else if mean < noLoad || !isBusy {
      noLoad += (mean - noLoad) / Double(self.policy.noLoadWindows)
    }
    self.noLoad = noLoad
    return noLoad
  }
}
