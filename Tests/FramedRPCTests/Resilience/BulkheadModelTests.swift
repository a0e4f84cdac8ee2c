import FramedRPC
import NIOCore
import Testing

/// The bulkhead beside a model that is one list of who waits.
@Suite("A bulkhead and its model")
struct BulkheadModelTests {
  private typealias State = BulkheadState<Int>

  private struct Model {
    struct Waiting {
      let call: Int
      let until: NIODeadline
      let refusal: BulkheadRefusal
    }

    var policy: BulkheadPolicy
    var running: [Int] = []
    var waiting: [Waiting] = []

    var hasPlace: Bool { self.running.count < self.policy.maxConcurrentCalls }

    /// Who gets a place now, or hears that it is too late; nil for a place.
    mutating func decide(_ now: NIODeadline) -> [(Int, BulkheadRefusal?)] {
      var decided: [(Int, BulkheadRefusal?)] = []
      while self.hasPlace, !self.waiting.isEmpty {
        let first = self.waiting.removeFirst()
        let isLate = first.until <= now
        if !isLate { self.running.append(first.call) }
        decided.append((first.call, isLate ? first.refusal : nil))
      }
      return decided
    }
  }

  private static func policy(_ random: inout SplitMix) -> BulkheadPolicy {
    BulkheadPolicy(
      maxConcurrentCalls: 1 + random.below(6), maxWaitingCalls: random.below(8),
      maxWait: .milliseconds(random.below(40)))
  }

  @Test("decide the same in every random history", arguments: [1, 2, 3, 4] as [UInt64])
  func agree(seed: UInt64) {
    var random = SplitMix(state: seed)
    for _ in 0..<(modelOperations / 4 / 500) {
      let policy = Self.policy(&random)
      guard let step = Self.divergence(policy, &random) else { continue }
      Issue.record("seed \(seed), step \(step) of \(policy)")
      return
    }
  }

  private static func divergence(_ policy: BulkheadPolicy, _ random: inout SplitMix) -> Int? {
    var now = NIODeadline.uptimeNanoseconds(60_000_000_000)
    var state = State(policy: policy, now: now)
    var model = Model(policy: policy)
    /// The state's own numbers of those that wait.
    var ids: [Int: UInt64] = [:]
    var lastCall = 0
    var ended = BulkheadStatistics()

    func agrees(_ decisions: [State.Decision], _ expected: [(Int, BulkheadRefusal?)]) -> Bool {
      for (call, refusal) in expected {
        ids[call] = nil
        if refusal == nil { ended.admittedLater += 1 } else { ended.refusedWait += 1 }
      }
      return decisions.count == expected.count
        && zip(decisions, expected).allSatisfy { $0.waiter == $1.0 && $0.refusal == $1.1 }
    }

    for step in 0..<500 {
      now = now + .microseconds(Int64(random.below(random.below(10) == 0 ? 50_000 : 500)))
      switch random.below(100) {
      case 0..<55:
        lastCall += 1
        let call = lastCall
        let entry = state.enter()
        if model.hasPlace {
          guard entry == .admitted else { return step }
          model.running.append(call)
        } else if model.waiting.count >= model.policy.maxWaitingCalls {
          guard entry == .full else { return step }
          ended.refusedFull += 1
        } else {
          guard case .mayWait(let id) = entry else { return step }
          let own: TimeAmount? = random.below(2) == 0 ? nil : .milliseconds(Int64(random.below(60)))
          let deadline = own.map { now + $0 }
          let longest = now + TimeAmount(model.policy.maxWait)
          let until = min(deadline ?? longest, longest)
          let refusal: BulkheadRefusal = deadline.map { $0 <= longest } == true ? .deadline : .full
          let arrival = state.wait(id, deadline: deadline, now: now) { call }
          if until <= now {
            guard arrival == .refused(refusal) else { return step }
            ended.refusedWait += 1
          } else {
            guard arrival == .queued(until: until) else { return step }
            ids[call] = id
            model.waiting.append(Model.Waiting(call: call, until: until, refusal: refusal))
          }
        }
      case 55..<85:
        guard !model.running.isEmpty else { continue }
        _ = model.running.swapRemove(random.below(model.running.count))
        let expected = model.decide(now)
        guard agrees(state.leave(began: nil, now: now), expected) else { return step }
      case 85..<98:
        guard !model.waiting.isEmpty else { continue }
        let call = model.waiting.remove(at: random.below(model.waiting.count))
        guard let id = ids.removeValue(forKey: call.call) else { return step }
        let isCancelled = random.below(2) == 0
        let decision = state.giveUp(id, isCancelled: isCancelled)
        if isCancelled { ended.abandoned += 1 } else { ended.refusedWait += 1 }
        guard decision?.waiter == call.call, decision?.refusal == call.refusal,
          state.giveUp(id, isCancelled: isCancelled) == nil
        else { return step }
      default:
        model.policy = Self.policy(&random)
        let expected = model.decide(now)
        guard agrees(state.setPolicy(model.policy, now: now), expected) else { return step }
      }
      let statistics = state.statistics
      guard statistics.running == model.running.count, statistics.waiting == model.waiting.count,
        statistics.admittedLater == ended.admittedLater,
        statistics.refusedFull == ended.refusedFull,
        statistics.refusedWait == ended.refusedWait, statistics.abandoned == ended.abandoned
      else { return step }
    }
    return nil
  }
}
