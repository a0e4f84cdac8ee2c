import EnrollmentCore
import Kernel
import Synchronization
import Testing

/// Every state of a class and everything that may come: docs/saga.md, cell by cell.
@Suite("The saga of a class, every state and every input")
struct SagaTableTests {
  enum State: CaseIterable, Sendable {
    case pending
    case registered
    case failed
    case canceled
    /// Canceled by the student after the payment had failed: nobody was told.
    case failedThenCanceled
  }

  enum Input: CaseIterable, Sendable {
    /// An answer that was on its way while the class came into its state.
    case approved
    case declined
    case noAnswer
    case cancel
    /// Pay tells that the money was given back by hand.
    case refund
    case timeOut
    case courseCanceled
  }

  struct Outcome: Hashable, Sendable {
    let status: Enrollment.Status
    /// Events that tell of it.
    let registered: Int
    let canceled: Int
  }

  /// What a state and an input make; nothing but this is told of it.
  static func expected(_ state: State, _ input: Input) -> Outcome {
    switch (state, input) {
    case (.pending, .approved): Outcome(status: .registered, registered: 1, canceled: 0)
    case (.pending, .declined): Outcome(status: .paymentFailed, registered: 0, canceled: 0)
    case (.pending, .noAnswer): Outcome(status: .pending, registered: 0, canceled: 0)
    case (.pending, _): Outcome(status: .canceled, registered: 0, canceled: 1)
    case (.registered, .cancel), (.registered, .refund), (.registered, .courseCanceled):
      Outcome(status: .canceled, registered: 0, canceled: 1)
    case (.registered, _): Outcome(status: .registered, registered: 0, canceled: 0)
    // Pay hears that the class is over, and gives the money back.
    case (.failed, .approved), (.failedThenCanceled, .approved):
      Outcome(status: .canceled, registered: 0, canceled: 1)
    case (.failed, .cancel): Outcome(status: .canceled, registered: 0, canceled: 0)
    case (.failed, _): Outcome(status: .paymentFailed, registered: 0, canceled: 0)
    case (.canceled, _), (.failedThenCanceled, _):
      Outcome(status: .canceled, registered: 0, canceled: 0)
    }
  }

  @Test(
    "T2, T11, T16, T30, X1: ends as docs/saga.md says, and once more makes no difference",
    arguments: State.allCases, Input.allCases)
  func cell(_ state: State, _ input: Input) async throws {
    let fixture = EnrollmentFixture()
    try await fixture.offer()
    let id = ClassID(1)
    let before = EventCount()
    let answer: PaymentAnswer? =
      switch input {
      case .approved: .approved(PaymentID(1))
      case .declined: .declined(reason: "over-limit")
      case .noAnswer: .unknown(reason: "timeout")
      case .cancel, .refund, .timeOut, .courseCanceled: nil
      }
    // The first request is on its way to Pay while the class comes into its state.
    fixture.gateway.next { _ in
      do {
        try await Self.bring(fixture, to: state)
        before.set(fixture.store.events.count)
      } catch {
        Issue.record("\(error)")
      }
      return answer ?? .unknown(reason: "timeout")
    }
    _ = try? await fixture.register()
    for _ in 0..<2 { try await Self.give(input, to: fixture) }

    let told = fixture.store.events.dropFirst(before.count)
    let outcome = Outcome(
      status: try #require(try await fixture.store.enrollment(id)).status,
      registered: told.count { if case .classRegistered = $0 { true } else { false } },
      canceled: told.count { if case .classCanceled = $0 { true } else { false } })
    #expect(outcome == Self.expected(state, input))
    #expect(told.count == outcome.registered + outcome.canceled)
    // Nobody who is out keeps a seat.
    let isActive = [.pending, .registered].contains(outcome.status)
    #expect(fixture.store.courses[CourseID(1)]?.seatsTaken == (isActive ? 1 : 0))
  }

  /// Asks Pay again meanwhile, as the recovery loop does, or lets the student cancel.
  private static func bring(_ fixture: EnrollmentFixture, to state: State) async throws {
    switch state {
    case .pending: break
    case .registered:
      fixture.gateway.next(.approved(PaymentID(1)))
      _ = try await fixture.settle()
    case .failed, .failedThenCanceled:
      fixture.gateway.next(.declined(reason: "over-limit"))
      _ = try await fixture.settle()
      if state == .failedThenCanceled {
        try await fixture.enrollment.cancel(ClassID(1), by: fixture.caller)
      }
    case .canceled:
      try await fixture.enrollment.cancel(ClassID(1), by: fixture.caller)
    }
  }

  private static func give(_ input: Input, to fixture: EnrollmentFixture) async throws {
    let cause = Cause(id: "test")
    switch input {
    case .approved, .declined, .noAnswer: break
    case .cancel: try await fixture.enrollment.cancel(ClassID(1), by: fixture.caller)
    case .refund:
      try await fixture.store.transact(because: cause) {
        try CancelRefundedClass(ClassID(1)).perform(in: $0)
      }
    case .timeOut:
      _ = try await TimeOutPending(store: fixture.store)
        .perform(acceptedBefore: fixture.later, atMost: 10)
    case .courseCanceled:
      try await fixture.store.transact(because: cause) {
        try CancelCourse(CourseID(1)).perform(in: $0)
      }
      while try await CancelClasses(store: fixture.store).perform().settled > 0 {}
    }
  }
}

/// How many events there were when the class had come into its state.
private final class EventCount: Sendable {
  private let value = Mutex(0)

  var count: Int { self.value.withLock { $0 } }

  func set(_ count: Int) { self.value.withLock { $0 = count } }
}
