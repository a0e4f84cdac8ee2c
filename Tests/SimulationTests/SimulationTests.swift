import Foundation
import Simulation
import Testing

/// The whole system under virtual time, one seed after another.
///
/// `SUGANG_SIMULATION_SEEDS` says how many seeds, `SUGANG_SIMULATION_SEED` which one alone. A release
/// build does ten times as many: `scripts/simulate 10000`.
@Suite("Simulation", .serialized)
struct SimulationTests {
  /// As many as a debug build does in about a minute on two cores.
  private static let usualSeeds: UInt64 = 3_000

  private static func number(_ name: String) -> UInt64? {
    ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) }
  }

  private static var seeds: Range<UInt64> {
    if let one = Self.number("SUGANG_SIMULATION_SEED") { return one..<(one + 1) }
    return 1..<(1 + (Self.number("SUGANG_SIMULATION_SEEDS") ?? Self.usualSeeds))
  }

  @Test("I1–I9, I11: whatever goes wrong, everything is right a minute later")
  func invariantsHold() async {
    let summary = await Simulator.run(seeds: Self.seeds)
    print(summary)
    #expect(summary.failures.isEmpty, "see the seeds above")
    #expect(summary.unlike.isEmpty, "a seed does not replay")
    if Self.seeds.count >= 1_000 {
      #expect(summary.missing.isEmpty, "no run came by these")
    }
  }

  @Test("a seed replays exactly, also on another thread and another disk")
  func replays() async {
    let one = Simulator()
    _ = one.run(seed: 7)
    let first = one.run(seed: 42)
    let second = Simulator().run(seed: 42)
    #expect(first.trace == second.trace)
    #expect(first.steps == second.steps)
    #expect(one.run(seed: 43).trace != first.trace)
  }

  @Test("damage to the disks is noticed", arguments: Corruption.all.indices)
  func noticesDamage(_ index: Int) {
    let corruption = Corruption.all[index]
    let simulator = Simulator()
    // In nearly every run there is something to be damaged.
    let isNoticed = (1...20 as ClosedRange<UInt64>).contains { seed in
      simulator.run(seed: seed, corruption: corruption).violations
        .contains { $0.invariant == corruption.breaks }
    }
    #expect(isNoticed, "\(corruption.name)")
  }

  @Test(
    "what is broken on purpose is noticed",
    arguments: [
      (Sabotage.forgetsRefunds, Invariant.i2), (.forgetsReversals, .i4),
      (.answersBeforeCommit, .i1),
    ])
  func noticesSabotage(_ sabotage: Sabotage, _ breaks: Invariant) async {
    let summary = await Simulator.run(seeds: 1..<101, sabotage: sabotage)
    let broken = summary.failures.flatMap(\.violations).map(\.invariant)
    #expect(broken.contains(breaks))
  }

  @Test("T9, T10: services that lose their inbox and take all events again do nothing twice")
  func survivesForgottenCursors() async {
    let summary = await Simulator.run(seeds: 1..<201, sabotage: .forgetsCursors)
    print(summary.failures.flatMap(\.violations).prefix(10))
    #expect(summary.failures.isEmpty)
  }
}
