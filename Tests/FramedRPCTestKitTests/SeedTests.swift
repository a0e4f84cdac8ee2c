import Contracts
import FramedRPC
import FramedRPCTestKit
import Testing

/// What FramedRPC promises on bad networks, over a thousand of them.
@Suite("A thousand seeds", .timeLimit(.minutes(5)))
struct SeedTests {
  /// How much later than its deadline a call may end: the sweep of deadlines runs once a
  /// millisecond.
  private static let bound = Duration.milliseconds(2)

  /// What must hold whatever happens to the bytes.
  private func checkEnds(_ workload: Workload) {
    #expect(workload.unfinished == 0, "seed \(workload.seed)")
    for outcome in workload.outcomes {
      #expect(
        outcome.ended <= outcome.deadline + Self.bound,
        "seed \(workload.seed), call \(outcome.number): \(outcome)")
      #expect((outcome.answer == nil) != (outcome.error == nil), "seed \(workload.seed)")
    }
  }

  @Test("whatever TCP's network does: each call ends, answers are right, 'not processed' is true")
  func faultsOfTCP() throws {
    var answered = 0
    var failed: [RPCStatus: Int] = [:]
    var notProcessed = 0
    var faults: Set<FaultPlan.Fault> = []
    for seed in 0..<1_000 as Range<UInt64> {
      let workload = try Workload(seed: seed, plan: .random(seed: seed))
      self.checkEnds(workload)
      for outcome in workload.outcomes {
        let started = workload.entries.started[outcome.number, default: 0]
        let finished = workload.entries.finished[outcome.number, default: 0]
        #expect(started <= 1, "seed \(seed), call \(outcome.number) ran \(started) times")
        if let answer = outcome.answer {
          answered += 1
          #expect(finished == 1, "seed \(seed), call \(outcome.number)")
          #expect(
            answer.text == outcome.sent && answer.number == outcome.number, "seed \(seed)")
        } else if let error = outcome.error {
          failed[error.status, default: 0] += 1
          if error.notProcessed {
            notProcessed += 1
            #expect(started == 0, "seed \(seed), call \(outcome.number): \(error)")
          }
        }
      }
      for fault in FaultPlan.Fault.allCases
      where workload.trace.contains(where: { $0.contains(" \(fault.rawValue) to") }) {
        faults.insert(fault)
      }
    }
    // The seeds reach all of this; were it not so, the test would show less than it says.
    #expect(faults == Set(FaultPlan.Fault.ofTCP))
    #expect(answered > 3_000)
    #expect(notProcessed > 500)
    for status in [RPCStatus.unavailable, .deadlineExceeded, .cancelled] {
      #expect(failed[status, default: 0] > 100, "\(status)")
    }
  }

  @Test("bytes that are corrupt, doubled or out of order: each call ends")
  func impossibleFaults() throws {
    var struck = 0
    for seed in 0..<300 as Range<UInt64> {
      let workload = try Workload(
        seed: seed, plan: .random(seed: seed, faults: FaultPlan.Fault.allCases))
      self.checkEnds(workload)
      if workload.trace.contains(where: { $0.contains(" corrupt to") }) { struck += 1 }
    }
    #expect(struck > 50)
  }

  @Test("the same seed makes the same run, byte for byte", arguments: [1, 7, 42, 1_001])
  func replay(_ seed: UInt64) throws {
    for faults in [FaultPlan.Fault.ofTCP, FaultPlan.Fault.allCases] {
      let plan = FaultPlan.random(seed: seed, faults: faults)
      let first = try Workload(seed: seed, plan: plan)
      let second = try Workload(seed: seed, plan: plan)
      #expect(first.trace.count > 10)
      #expect(first.trace == second.trace)
      #expect(first.outcomes == second.outcomes)
      #expect(first.entries == second.entries)
    }
  }

  @Test("another seed makes another run of the same plan")
  func otherSeed() throws {
    let plan = FaultPlan.random(seed: 1)
    #expect(try Workload(seed: 1, plan: plan).trace != Workload(seed: 2, plan: plan).trace)
  }
}
