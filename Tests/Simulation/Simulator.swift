import Dispatch
import Foundation
import Synchronization

/// How one run went.
package struct SeedReport: Sendable {
  package let seed: UInt64
  package let trace: UInt64
  package let steps: Int
  package let messages: Int
  /// Virtual microseconds.
  package let time: Int64
  /// In the order of ``Fault/allCases``.
  package let faults: [Int]
  package let reached: Set<Reached>
  package let violations: [Violation]
}

/// Runs seeds one after another, on the thread that asks.
package final class Simulator {
  private let disks = Disks()

  package init() {}

  /// - Parameter corruption: is done to the stores before they are checked.
  package func run(
    seed: UInt64, sabotage: Sabotage = .nothing, corruption: Corruption? = nil
  ) -> SeedReport {
    var violations: [Violation] = []
    do {
      let world = try World(seed: seed, disks: self.disks, sabotage: sabotage)
      do {
        try world.run()
        try corruption?.apply(to: world)
      } catch {
        violations.append(Violation(.i9, "\(error)"))
      }
      violations += world.violations + Checker.violations(of: world)
      let stores = try Stores(world)
      return SeedReport(
        seed: seed, trace: world.scheduler.trace, steps: world.scheduler.steps,
        messages: world.messages, time: world.scheduler.now, faults: world.faults,
        reached: Reached.all(in: stores, of: world), violations: violations)
    } catch {
      preconditionFailure("seed \(seed) cannot be run: \(error)")
    }
  }

  /// Runs many seeds on several threads, and every hundredth twice: the second run must be the same.
  package static func run(
    seeds: Range<UInt64>, threads: Int = ProcessInfo.processInfo.activeProcessorCount,
    sabotage: Sabotage = .nothing
  ) async -> Summary {
    let start = ContinuousClock.now
    let next = Atomic(seeds.lowerBound)
    let summary = Mutex(Summary())
    await withCheckedContinuation { continuation in
      // Not on a thread of Swift's pool: a run is no task, and takes long.
      DispatchQueue.global().async {
        DispatchQueue.concurrentPerform(iterations: threads) { _ in
          let simulator = Simulator()
          while true {
            let seed = next.wrappingAdd(1, ordering: .relaxed).oldValue
            guard seed < seeds.upperBound else { return }
            let report = simulator.run(seed: seed, sabotage: sabotage)
            summary.withLock { $0.add(report) }
            guard seed % 100 == 0 else { continue }
            let again = simulator.run(seed: seed, sabotage: sabotage)
            summary.withLock { $0.compare(report, again) }
          }
        }
        continuation.resume()
      }
    }
    var result = summary.withLock { $0 }
    result.duration = ContinuousClock.now - start
    return result
  }
}

/// How many runs went.
package struct Summary: Sendable {
  package private(set) var seeds = 0
  package private(set) var steps = 0
  package private(set) var messages = 0
  package private(set) var time: Int64 = 0
  package private(set) var faults = [Int](repeating: 0, count: Fault.allCases.count)
  /// How many runs came by each.
  package private(set) var reached: [Reached: Int] = [:]
  package private(set) var failures: [SeedReport] = []
  package private(set) var replays = 0
  /// Seeds whose second run was not the first.
  package private(set) var unlike: [UInt64] = []
  package internal(set) var duration = Duration.zero

  mutating func add(_ report: SeedReport) {
    self.seeds += 1
    self.steps += report.steps
    self.messages += report.messages
    self.time += report.time
    for (index, count) in report.faults.enumerated() { self.faults[index] += count }
    for one in report.reached { self.reached[one, default: 0] += 1 }
    if !report.violations.isEmpty { self.failures.append(report) }
  }

  mutating func compare(_ first: SeedReport, _ second: SeedReport) {
    self.replays += 1
    if first.trace != second.trace || first.steps != second.steps { self.unlike.append(first.seed) }
  }

  /// Faults and states that no run came by.
  package var missing: [String] {
    zip(Fault.allCases, self.faults).filter { $0.1 == 0 }.map(\.0.rawValue)
      + Reached.allCases.filter { self.reached[$0] == nil }.map(\.rawValue)
  }
}

extension Summary: CustomStringConvertible {
  package var description: String {
    let seconds = self.duration / .seconds(1)
    let virtual = Double(self.time) / 1e6
    var lines = [
      """
      \(self.seeds) seeds in \(Self.text(seconds)) s: \(Self.text(Double(self.seeds) / seconds)) a \
      second; \(self.steps) steps, \(self.messages) messages, \(self.faults.reduce(0, +)) faults; \
      \(Self.text(virtual / 3600)) virtual hours, \(Self.text(virtual / seconds)) times as fast as \
      the clock; \(self.replays) seeds run twice, \(self.unlike.count) unlike
      """
    ]
    lines += zip(Fault.allCases, self.faults).map { "  fault  \($0.rawValue): \($1)" }
    lines += Reached.allCases.map { "  state  \($0.rawValue): in \(self.reached[$0] ?? 0) seeds" }
    for report in self.failures.sorted(by: { $0.seed < $1.seed }).prefix(20) {
      lines.append(
        "  FAILED seed \(report.seed), to see again: SUGANG_SIMULATION_SEED=\(report.seed)")
      lines += report.violations.prefix(10).map { "    \($0)" }
    }
    return lines.joined(separator: "\n")
  }

  private static func text(_ number: Double) -> String {
    String(format: "%.1f", number)
  }
}
