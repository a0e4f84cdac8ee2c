import AdaptorTestSupport
import EnrollmentCore
import Kernel
import Synchronization
import Testing

@Suite("Many students for few seats")
struct HotSeatTests {
  private static let seats = 10

  @Test("T29: of 200 at once exactly ten get in, and everybody else is told")
  func hotSeat() async throws {
    let classes = try EnrollmentHarness()
    try await classes.hear(CourseNews.registered(1, capacity: Int64(Self.seats)))
    let pay = MoodyGateway()
    let application = EnrollmentApplication(
      store: classes.store, gateway: pay, catalog: classes.catalog,
      clock: classes.harness.clock)

    @Sendable func attempt(_ student: Int) async -> Outcome {
      do {
        let enrollment = try await application.register(
          try EnrollmentHarness.command(student: "student-\(student)"),
          by: EnrollmentHarness.caller, key: try IdempotencyKey("k-\(student)"))
        return enrollment.status == .registered ? .registered : .pending
      } catch {
        let code = (error as? any DomainError)?.problem.code
        return code.map { .refused($0) } ?? .failed("\(error)")
      }
    }
    let outcomes = await Array(0..<200).concurrentMap(atMost: 200) { ($0, await attempt($0)) }
    let rush = Dictionary(uniqueKeysWithValues: outcomes)
    let inAfterRush = rush.values.count { $0 == .registered || $0 == .pending }
    #expect(inAfterRush <= Self.seats)
    #expect(
      rush.values.allSatisfy {
        [.registered, .pending, .refused("payment-declined"), .refused("course-full")]
          .contains($0)
      })

    // Seats of declined payments were freed when most had been told that the course is full.
    var latecomers = 0
    while try await classes.copy()?.hasFreeSeat == true, latecomers < 100 {
      _ = await attempt(200 + latecomers)
      latecomers += 1
    }
    let settled = try await SettlePending(store: classes.store, gateway: pay)
      .perform(acceptedBefore: classes.harness.clock.now().adding(seconds: 1), atMost: 100)
    #expect(settled.remaining == 0)

    let list = try await application.enrollments(try PageRequest(size: 100)).items
    #expect(list.count == Self.seats)
    #expect(list.allSatisfy { $0.status == .registered })
    #expect(Set(list.map(\.id)) == pay.paid, "who paid is in, and nobody else")
    #expect(await attempt(999) == .refused("course-full"))
    #expect(try await classes.copy()?.seatsTaken == Int64(Self.seats))
    #expect(try await SeatCount.isRight(of: 1, in: classes.harness.database))
    // A repeat is told the same.
    for student in 0..<20 { #expect(await attempt(student) == rush[student]) }
  }

  private enum Outcome: Hashable {
    case registered
    case pending
    case refused(String)
    case failed(String)
  }
}

/// Pay that declines every third class, lets every fifth wait for ever the first time, and takes its
/// time.
private final class MoodyGateway: PaymentGateway {
  private let approved = Mutex<Set<ClassID>>([])
  private let asked = Mutex<Set<ClassID>>([])

  var paid: Set<ClassID> { self.approved.withLock { $0 } }

  func pay(_ request: PaymentRequest, because cause: Cause) async -> PaymentAnswer {
    let id = request.classID
    for _ in 0..<Int(id.value % 7) * 10 { await Task.yield() }
    let isFirst = self.asked.withLock { $0.insert(id).inserted }
    if id.value % 3 == 0 { return .declined(reason: "no-mood") }
    if isFirst, id.value % 5 == 0 { return .unknown(reason: "timeout") }
    self.approved.withLock { _ = $0.insert(id) }
    return .approved(PaymentID(id.value))
  }
}
