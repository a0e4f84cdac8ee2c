import FramedRPC
import NIOCore
import Testing

@Suite("When a call is tried again")
struct RetryStateTests {
  private static let now = NIODeadline.uptimeNanoseconds(5_000_000_000)

  private static func error(
    _ status: RPCStatus, reason: String? = nil, notProcessed: Bool = false,
    retryAfter: String? = nil
  ) throws -> RPCError {
    var metadata = RPCMetadata()
    if let retryAfter { try metadata.append(RetryPushback.key, retryAfter) }
    return RPCError(status, "no", reason: reason, metadata: metadata, notProcessed: notProcessed)
  }

  private static func decision(
    on error: RPCError, _ policy: MethodPolicy, isChained: Bool = false,
    deadline: NIODeadline? = nil, jitter: Double = 0.5
  ) -> RetryState.Decision {
    var state = RetryState(policy: policy, isChained: isChained, deadline: deadline)
    return state.failed(error, now: Self.now, jitter: jitter)
  }

  @Test("a call that may have had an effect is not repeated", arguments: RPCStatus.allCases)
  func processed(_ status: RPCStatus) throws {
    let error = try Self.error(status)
    #expect(Self.decision(on: error, MethodPolicy()) == .giveUp)
    let isRetried = Self.decision(on: error, .idempotent) != .giveUp
    #expect(isRetried == (status == .unavailable), "idempotent: UNAVAILABLE only")
  }

  @Test("a call that had no effect is repeated when another try may do better")
  func notProcessed() throws {
    for status in RPCStatus.allCases {
      let isRetried =
        Self.decision(on: try Self.error(status, notProcessed: true), MethodPolicy()) != .giveUp
      #expect(isRetried == [.unavailable, .resourceExhausted].contains(status), "\(status)")
    }
  }

  @Test("what the service explains is not asked for twice")
  func reason() throws {
    let error = try Self.error(.unavailable, reason: "storage-busy")
    #expect(Self.decision(on: error, .idempotent) == .giveUp)
    let invited = try Self.error(.unavailable, reason: "storage-busy", retryAfter: "30")
    #expect(Self.decision(on: invited, .idempotent) == .retry(after: .milliseconds(30)))
    #expect(Self.decision(on: invited, MethodPolicy()) == .giveUp, "it may have had an effect")
  }

  @Test("the statuses of the policy count for idempotent methods")
  func statuses() throws {
    var policy = MethodPolicy(retry: RetryPolicy(statuses: [.aborted]))
    #expect(Self.decision(on: try Self.error(.aborted), policy) == .giveUp)
    policy.isIdempotent = true
    #expect(Self.decision(on: try Self.error(.aborted), policy) != .giveUp)
    #expect(Self.decision(on: try Self.error(.unavailable), policy) == .giveUp)
  }

  @Test("the server says when: 0 and more milliseconds delay, everything else forbids")
  func pushback() throws {
    func decision(_ text: String) throws -> RetryState.Decision {
      Self.decision(
        on: try Self.error(.resourceExhausted, notProcessed: true, retryAfter: text),
        MethodPolicy())
    }
    #expect(try decision("0") == .retry(after: .zero))
    #expect(try decision("1500") == .retry(after: .milliseconds(1500)))
    for text in ["-1", "", "soon", "2147483648", "1.5"] {
      #expect(try decision(text) == .giveUp, "'\(text)'")
    }
    #expect(RetryPushback(try Self.error(.unavailable)) == nil)
  }

  @Test("backoff doubles up to its limit, with full jitter; a server's word begins it anew")
  func backoff() throws {
    let policy = MethodPolicy(
      retry: RetryPolicy(
        maxAttempts: 6, firstBackoff: .milliseconds(100), maxBackoff: .milliseconds(300)))
    let plain = try Self.error(.unavailable, notProcessed: true)
    let told = try Self.error(.unavailable, notProcessed: true, retryAfter: "7")
    var state = RetryState(policy: policy, isChained: false, deadline: nil)
    let steps: [(RPCError, Double, Int64)] = [
      (plain, 0.5, 50), (plain, 0.25, 50), (plain, 0.5, 150), (told, 0.5, 7), (plain, 0, 0),
    ]
    for (error, jitter, milliseconds) in steps {
      #expect(
        state.failed(error, now: Self.now, jitter: jitter)
          == .retry(after: .milliseconds(milliseconds)))
    }
    #expect(state.failed(plain, now: Self.now, jitter: 0) == .giveUp, "six attempts were made")
    #expect(state.attempts == 6)
  }

  @Test("no retry that could only begin after the deadline")
  func deadline() throws {
    let error = try Self.error(.unavailable, notProcessed: true, retryAfter: "100")
    func decision(_ left: Int64) -> RetryState.Decision {
      Self.decision(on: error, MethodPolicy(), deadline: Self.now + .milliseconds(left))
    }
    #expect(decision(100) == .giveUp)
    #expect(decision(101) == .retry(after: .milliseconds(100)))
  }

  @Test("no retry of a retry, and none without a policy")
  func chained() throws {
    let error = try Self.error(.resourceExhausted, notProcessed: true)
    #expect(Self.decision(on: error, MethodPolicy(), isChained: true) == .giveUp)
    #expect(Self.decision(on: error, MethodPolicy(retry: nil)) == .giveUp)
  }

  @Test("a method's policy is its own, its service's, or the standard one")
  func lookUp() {
    let own = MethodPolicy(timeout: .seconds(1))
    let service = MethodPolicy(timeout: .seconds(2))
    let policy = ClientPolicy(services: ["a.B": service], methods: ["a.B/C": own])
    #expect(policy.policy(of: "a.B/C") == own)
    #expect(policy.policy(of: "a.B/D") == service)
    #expect(policy.policy(of: "a.Bc/D") == MethodPolicy())
    #expect(policy.policy(of: "a.B") == MethodPolicy())
  }
}

@Suite("When a call is sent a second time before the first has failed")
struct HedgeStateTests {
  private static let policy = HedgingPolicy(delay: .milliseconds(10), maxAttempts: 3)
  private static let unavailable = RPCError(.unavailable, "no")

  private static func error(retryAfter: String) throws -> RPCError {
    var error = Self.unavailable
    try error.metadata.append(RetryPushback.key, retryAfter)
    return error
  }

  @Test("one more each time the delay is over, up to the limit")
  func timer() {
    var hedge = HedgeState(policy: Self.policy, isChained: false)
    for _ in 0..<2 {
      #expect(hedge.timerFired() == .sendNext)
      hedge.sent()
    }
    #expect(hedge.timerFired() == .wait)
    #expect(hedge.outstanding == 3)
  }

  @Test("a failure that is not fatal sends the next at once; a fatal one ends the call")
  func failures() {
    var hedge = HedgeState(policy: Self.policy, isChained: false)
    #expect(hedge.failed(Self.unavailable) == .sendNext)
    hedge.sent()
    #expect(hedge.timerFired() == .sendNext)
    hedge.sent()
    #expect(hedge.failed(Self.unavailable) == .wait, "one is still on its way")
    #expect(hedge.failed(Self.unavailable) == .giveUp)
    var other = HedgeState(policy: Self.policy, isChained: false)
    #expect(other.failed(RPCError(.notFound, "no")) == .giveUp)
  }

  @Test("a server may delay or forbid further attempts")
  func pushback() throws {
    var delayed = HedgeState(policy: Self.policy, isChained: false)
    #expect(
      delayed.failed(try Self.error(retryAfter: "70")) == .sendNextAfter(.milliseconds(70)))
    var forbidden = HedgeState(policy: Self.policy, isChained: false)
    #expect(forbidden.timerFired() == .sendNext)
    forbidden.sent()
    #expect(forbidden.failed(try Self.error(retryAfter: "-1")) == .wait)
    #expect(forbidden.timerFired() == .wait)
    #expect(forbidden.failed(Self.unavailable) == .giveUp)
  }

  @Test("an empty budget leaves what is on its way alone")
  func budget() {
    var hedge = HedgeState(policy: Self.policy, isChained: false)
    #expect(hedge.timerFired() == .sendNext)
    #expect(hedge.stop() == .wait)
    #expect(hedge.timerFired() == .wait)
    #expect(hedge.failed(Self.unavailable) == .giveUp)
  }
}
