import Foundation
import Simulation
import Testing

/// The whole system under virtual time, one seed after another.
///
/// `SUGANG_SIMULATION_SEEDS` says how many seeds, `SUGANG_SIMULATION_SEED` which one alone, and both
/// how many from which one on. A release build does ten times as many: `scripts/simulate 10000`.
@Suite("Simulation", .serialized)
struct SimulationTests {
  /// As many as a debug build does in about a minute on two cores.
  private static let usualSeeds: UInt64 = 3_000

  private static func number(_ name: String) -> UInt64? {
    ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) }
  }

  private static var seeds: Range<UInt64> {
    let first = Self.number("SUGANG_SIMULATION_SEED")
    let count =
      Self.number("SUGANG_SIMULATION_SEEDS") ?? (first == nil ? Self.usualSeeds : 1)
    return (first ?? 1)..<((first ?? 1) + count)
  }

  @Test("I1–I12: whatever goes wrong, everything is right a minute later")
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

  /// What each must be noticed by.
  private static let traces: [(Sabotage, Invariant, [String])] = [
    (.forgetsRefunds, .i2, ["its payment"]),
    (.forgetsReversals, .i4, ["the ledger has"]),
    (.answersBeforeCommit, .i1, ["told canceled, is", "its teacher was told"]),
    (.ignoresDeadlines, .i10, ["began its handler", "began a write", "began a read"]),
    (.forgetsCancellations, .i7, ["cancellations under way", "in its copy"]),
    (.forgetsCanceledClasses, .i7, ["canceled courses with classes in them"]),
    (.forgetsCanceledClasses, .i3, ["which is closed"]),
    (.forgetsOffers, .i7, ["offers past their time", "is kept past its time"]),
    (.forgetsProbes, .i7, ["the circuit of class to pay is open"]),
    (.oversells, .i3, ["were given"]),
    (.overtakes, .i3, ["before place"]),
    (.letsNewcomersIn, .i3, ["overtook"]),
    (.admitsTwice, .i3, ["allowed"]),
    (.losesSeats, .i3, ["classes and offers have"]),
    (.forgetsTickets, .i7, ["tickets that nobody asks for"]),
    (.skipsRoom, .i3, ["came in without a turn"]),
    (.overtakesLine, .i3, ["came in without a turn while"]),
    (.crowdsRoom, .i3, ["came in beside", "was given a turn beside"]),
    (.closesDoor, .i7, ["was sent away from an empty room"]),
    (.reusesTurns, .i3, ["was USED, and is TURN"]),
    (.revivesTickets, .i3, ["was LEFT, and is WAITING", "was EXPIRED, and is WAITING"]),
    (.returnsGivenUp, .i1, ["told given up, is TURN"]),
    (.losesTurns, .i3, ["was used up for no class"]),
    (.doublesTickets, .i3, ["has two places in the waiting room"]),
    (.reversesLine, .i3, ["and was served before"]),
    (.reversesLine, .i1, ["had a turn, and waits again"]),
    (.losesCommits, .i1, ["lost commits: its events end at"]),
    (.swapsCommits, .i12, ["is not the one that was committed"]),
    (.marksEarly, .i12, ["lost commits: its events end at", "is ahead of its log"]),
    (.forgetsMarks, .i12, ["its mark is"]),
    (.stopsClock, .i7, ["for too long"]),
    (.hurriesClock, .i7, ["expired before its time"]),
  ]

  @Test("what is broken on purpose is noticed", arguments: Self.traces.indices)
  func noticesSabotage(_ index: Int) {
    let (sabotage, breaks, traces) = Self.traces[index]
    let simulator = Simulator()
    var missing = traces
    var found: [Violation] = []
    for seed in 1...1_500 as ClosedRange<UInt64> where !missing.isEmpty {
      let broken = simulator.run(seed: seed, sabotage: sabotage).violations
        .filter { $0.invariant == breaks }
      found += broken
      missing.removeAll { trace in broken.contains { $0.what.contains(trace) } }
    }
    #expect(missing.isEmpty, "\(sabotage), noticed by \(found.prefix(9))")
  }

  @Test("T9, T10: services that lose their inbox and take all events again do nothing twice")
  func survivesForgottenCursors() async {
    let summary = await Simulator.run(seeds: 1..<201, sabotage: .forgetsCursors)
    print(summary.failures.flatMap(\.violations).prefix(10))
    #expect(summary.failures.isEmpty)
  }
}
