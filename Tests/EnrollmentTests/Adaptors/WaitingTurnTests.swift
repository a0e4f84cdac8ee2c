import AdaptorTestSupport
import EnrollmentAdaptors
import EnrollmentCore
import Kernel
import Testing

/// The class and the use of the turn are one transaction: what a process finds that starts at any
/// moment has both or neither.
@Suite("A turn is used once, whatever happens on the way")
struct WaitingTurnTests {
  @Test("the turn is used up on disk as soon as the class is, before Pay is asked")
  func usedWithClass() async throws {
    let waiting = try WaitingRoomHarness(.on, limit: 1)
    let ports = try await Self.ports(waiting)
    let mine = try await ports.take("kim")
    waiting.gateway.next { _ in
      // What a process finds that starts now.
      let later = Self.restarted(waiting)
      #expect(await later.refusal("kim", course: 2, ticket: mine) == "waiting-ticket-used")
      #expect((try? await later.state(mine)) == .used)
      return .unknown(reason: "no answer")
    }
    #expect(try await ports.register("kim", ticket: mine).status == .pending)
    #expect(try await ports.state(mine) == .used)
    #expect(await ports.refusal("kim", course: 2, ticket: mine) == "waiting-ticket-used")
    #expect(waiting.gateway.requests.count == 1)
  }

  @Test("a declined payment gives the turn back, in the line and on disk")
  func givenBack() async throws {
    let waiting = try WaitingRoomHarness(.on, limit: 1)
    let ports = try await Self.ports(waiting)
    let mine = try await ports.take("kim")
    let before = try await ports.room.ticket(mine.value).ticket
    let store = waiting.store
    waiting.gateway.next { _ in
      #expect((try? await store.ticket(mine))?.state == .used)
      return .declined(reason: "over-limit")
    }
    #expect(await ports.refusal("kim", ticket: mine) == "payment-declined")
    #expect(try await store.ticket(mine) == before)
    let later = Self.restarted(waiting)
    #expect(try await later.state(mine) == .turn)
    #expect(try await later.register("kim", ticket: mine).status == .registered)
  }

  @Test("a declined payment gives no turn back to whoever gave the place up meanwhile")
  func givenUpMeanwhile() async throws {
    let waiting = try WaitingRoomHarness(.on, limit: 1)
    let ports = try await Self.ports(waiting)
    let mine = try await ports.take("kim")
    waiting.gateway.next { _ in
      try? await ports.room.leave(mine.value, by: WaitingRoomHarness.caller)
      return .declined(reason: "over-limit")
    }
    #expect(await ports.refusal("kim", ticket: mine) == "payment-declined")
    // On disk by now: a process that starts before the room is settled does not hand it out again.
    #expect(try await waiting.store.ticket(mine)?.state == .left)
    let later = Self.restarted(waiting)
    #expect(try await later.state(mine) == .left)
    #expect(await later.refusal("kim", ticket: mine) == "waiting-ticket-left")
    _ = try await waiting.room.settle()
    #expect(try await waiting.store.ticket(mine)?.state == .left)
    #expect(try await ports.state(mine) == .left)
  }

  @Test("a place that was given up for a new one does not stand in the new one's way")
  func takenAnewMeanwhile() async throws {
    let waiting = try WaitingRoomHarness(.on, limit: 2)
    let ports = try await Self.ports(waiting)
    let mine = try await ports.take("kim")
    waiting.gateway.next { _ in
      try? await ports.room.leave(mine.value, by: WaitingRoomHarness.caller)
      let next = try? await ports.take("kim", course: 2)
      #expect(next != nil && next != mine)
      return .declined(reason: "over-limit")
    }
    #expect(await ports.refusal("kim", ticket: mine) == "payment-declined")
    let next = try await ports.take("kim", course: 2)
    #expect(try await waiting.store.ticket(mine)?.state == .left)
    #expect(try await ports.state(next) == .turn)
    #expect(try await ports.register("kim", ticket: next).status == .registered)
  }

  @Test("a turn that is used up on disk is not used again, whatever the line in memory thinks")
  func onceOnDisk() async throws {
    let waiting = try WaitingRoomHarness(.on, limit: 1)
    let ports = try await Self.ports(waiting)
    let mine = try await ports.take("kim")
    let other = Self.restarted(waiting)
    #expect(try await other.state(mine) == .turn)
    #expect(try await ports.register("kim", ticket: mine).status == .registered)
    #expect(await other.refusal("kim", course: 2, ticket: mine) == "waiting-ticket-used")
    #expect(waiting.gateway.requests.map(\.courseID) == [CourseID(1)])
    let all = try await waiting.application.enrollments(PageRequest(number: 0, size: 10, sort: []))
    #expect(all.items.map(\.courseID) == [CourseID(1)])
  }

  @Test("T17: a repeat of an answered command leaves a later turn as it is")
  func repeats() async throws {
    let waiting = try WaitingRoomHarness(.on, limit: 1)
    let ports = try await Self.ports(waiting)
    let key = try IdempotencyKey("k-1")
    let first = try await ports.register("kim", ticket: try await ports.take("kim"), key: key)
    let second = try await ports.take("kim", course: 2)
    #expect(try await ports.register("kim", ticket: second, key: key) == first)
    #expect(try await ports.state(second) == .turn)
    #expect(try await ports.register("kim", course: 2, ticket: second).status == .registered)
    #expect(try await ports.state(second) == .used)
  }

  private static func ports(
    _ waiting: WaitingRoomHarness
  ) async throws -> WaitingRoomHarness.Ports {
    try await waiting.offerCourses()
    return WaitingRoomHarness.Ports(room: waiting.room, classes: waiting.application)
  }

  /// The service of a process that starts on the same data.
  private static func restarted(_ waiting: WaitingRoomHarness) -> WaitingRoomHarness.Ports {
    let room = waiting.restarted
    return WaitingRoomHarness.Ports(
      room: room,
      classes: EnrollmentApplication(
        store: SQLEnrollmentStore(waiting.harness.context), gateway: waiting.gateway,
        catalog: waiting.catalog, clock: waiting.harness.clock, waitingRoom: room))
  }
}
