import AdaptorTestSupport
import CourseCore
import HTTPClientKit
import JSON
import Kernel
import Testing

@Suite("The contract of Course's port: cancellation")
struct CancellationContractTests {
  private let caller = CourseHarness.caller

  @Test(
    "X1: a course is canceled once, stays visible, and takes no change", arguments: Way.allCases)
  func cancels(_ way: Way) async throws {
    let caller = self.caller
    let courses = try CourseHarness()
    let startedAt = courses.harness.clock.now()
    try await courses.with(way) { port in
      let id = try await port.register(try CourseHarness.command(), by: caller, key: nil).id
      #expect(await problem { try await port.cancellation(id) }?.kind == .notFound)

      // Enrollment is away: the command is taken all the same.
      let unknown = CourseCancellation(
        courseID: id, startedAt: startedAt, state: .canceling, total: nil, remaining: nil)
      #expect(try await port.cancel(id, by: caller) == unknown)
      #expect(await problem { try await port.cancellation(id) }?.kind == .unavailable)

      courses.desk.say(CancellationProgress(isHeard: true, total: 5, remaining: 2))
      courses.harness.clock.advance(seconds: 60)
      let half = try await port.cancel(id, by: caller)
      #expect(half.startedAt == startedAt)
      #expect(half.state == .canceling)
      #expect(half.canceled == 3)
      #expect(try await port.cancellation(id) == half)

      #expect(try await port.course(id).isCanceled)
      #expect(try await port.courses(try PageRequest()).totalElements == 0)
      let change = CourseChange(name: "other")
      #expect(
        await problem { try await port.modify(id, change, by: caller) }?.code == "course-canceled")
    }
    #expect(try await courses.harness.eventTypes() == ["CourseRegistered", "CourseCanceled"])
  }

  @Test("X1: once all are out Course knows it by itself", arguments: Way.allCases)
  func finishes(_ way: Way) async throws {
    let caller = self.caller
    let courses = try CourseHarness(deskSays: [.closed])
    try await courses.with(way) { port in
      let id = try await port.register(try CourseHarness.command(), by: caller, key: nil).id
      _ = try await port.cancel(id, by: caller)
      #expect(try await courses.finishCancellations() == Settlement(settled: 0, remaining: 1))
      // Nobody is in it, but Enrollment has not heard: somebody may still get in.
      courses.desk.say(CancellationProgress(isHeard: false, total: 0, remaining: 0))
      #expect(try await courses.finishCancellations() == Settlement(settled: 0, remaining: 1))
      #expect(try await port.cancellation(id).state == .canceling)
      courses.desk.say(CancellationProgress(isHeard: true, total: 5, remaining: 0))
      #expect(try await courses.finishCancellations() == Settlement(settled: 1, remaining: 0))
      #expect(try await courses.finishCancellations() == Settlement(settled: 0, remaining: 0))

      courses.desk.say(nil)
      let finished = try await port.cancellation(id)
      #expect(finished.state == .canceled)
      #expect(finished.total == 5)
      #expect(finished.canceled == 5)
      #expect(try await port.cancel(id, by: caller) == finished)
      try await port.delete(id, by: caller)
      #expect(await problem { try await port.cancel(id, by: caller) }?.kind == .notFound)
    }
    #expect(
      try await courses.harness.eventTypes()
        == ["CourseRegistered", "CourseCanceled", "CourseDeleted"])
  }

  @Test("REST: 202 and where to look while it lasts, 200 when it is over")
  func rest() async throws {
    let courses = try CourseHarness()
    let id = try await courses.application.register(
      try CourseHarness.command(), by: self.caller, key: nil
    ).id
    courses.desk.say(CancellationProgress(isHeard: true, total: 2, remaining: 1))
    let path = "/courses/\(id)/cancellation"
    try await courses.withREST { http in
      let accepted = try await http.request("POST", path)
      #expect(accepted.status == 202)
      #expect(accepted.header("Location") == "http://sugang.test\(path)")
      #expect(accepted.header("Retry-After") == "1")
      #expect(accepted.json["state"] == "CANCELING")
      let looked = try await http.request("GET", path)
      #expect(looked.status == 200)
      #expect(looked.text == accepted.text)
      #expect(try await http.request("GET", "/courses/\(id)").json["status"] == "CANCELED")
      courses.desk.say(CancellationProgress(isHeard: true, total: 2, remaining: 0))
      #expect(try await courses.finishCancellations().settled == 1)
      let over = try await http.request("POST", path)
      #expect(over.status == 200)
      #expect(over.json["canceled"] == 2)
      #expect(try await http.request("DELETE", path).status == 405)
      #expect(try await http.request("POST", "/courses/99/cancellation").status == 404)
    }
  }

  @Test("a course that is being deleted is not there to be canceled")
  func closing() async throws {
    let courses = try CourseHarness(deskSays: [.unknown(reason: "timeout")])
    let id = try await courses.application.register(
      try CourseHarness.command(), by: self.caller, key: nil
    ).id
    _ = await problem { try await courses.application.delete(id, by: self.caller) }
    let refused = await problem { try await courses.application.cancel(id, by: self.caller) }
    #expect(refused?.kind == .notFound)
  }
}
