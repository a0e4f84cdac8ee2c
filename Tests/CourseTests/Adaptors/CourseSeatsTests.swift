import AdaptorSupport
import AdaptorTestSupport
import Contracts
import CourseAdaptors
import CourseCore
import EventLog
import FramedRPC
import HTTPClientKit
import JSON
import Kernel
import Testing

@Suite("The seats of a course")
struct CourseSeatsTests {
  private let caller = CourseHarness.caller

  @Test("T29: a course has the limits it was given, until they change", arguments: Way.allCases)
  func limits(_ way: Way) async throws {
    let caller = self.caller
    let courses = try CourseHarness()
    try await courses.with(way) { port in
      let seats = SeatLimits(capacity: 30, maxPerStudent: 2)
      let course = try await port.register(try Self.command(seats), by: caller, key: nil)
      #expect(course.details.seats == seats)
      #expect(try await port.course(course.id) == course)
      #expect(try await port.courses(try PageRequest()).items == [course])
      func changed(_ change: CourseChange) async throws -> SeatLimits {
        try await port.modify(course.id, change, by: caller).details.seats
      }
      #expect(try await changed(CourseChange(name: "other")) == seats)
      #expect(
        try await changed(CourseChange(capacity: .limited(to: 31)))
          == SeatLimits(capacity: 31, maxPerStudent: 2))
      #expect(
        try await changed(CourseChange(maxPerStudent: 0))
          == SeatLimits(capacity: 31, maxPerStudent: 0))
      #expect(
        try await changed(CourseChange(capacity: .unlimited)) == SeatLimits(maxPerStudent: 0))
    }
  }

  @Test("T29: limits are told with the course's events, and the standard as what it is")
  func events() async throws {
    let courses = try CourseHarness()
    let port = courses.application
    let id = try await port.register(
      try Self.command(SeatLimits(capacity: 30, maxPerStudent: 2)), by: self.caller, key: nil
    ).id
    _ = try await port.modify(id, CourseChange(capacity: .unlimited), by: self.caller)
    let events = try await courses.harness.outbox.events(after: 0, limit: 10).events
    let registered = try events[0].message(CourseV1.CourseRegistered.self)
    #expect(registered.capacity == 30)
    #expect(registered.maxPerStudent == 2)
    let modified = try events[1].message(CourseV1.CourseModified.self)
    #expect(modified.capacity == nil)
    #expect(modified.maxPerStudent == 2)
  }

  @Test("limits that are none are refused by name", arguments: Way.allCases)
  func refusesWrong(_ way: Way) async throws {
    let caller = self.caller
    try await CourseHarness().with(way) { port in
      let wrong = [
        (SeatLimits(capacity: 0), ["capacity"]), (SeatLimits(capacity: -1), ["capacity"]),
        (SeatLimits(capacity: 1_000_001), ["capacity"]),
        (SeatLimits(maxPerStudent: -1), ["maxPerStudent"]),
        (SeatLimits(capacity: 0, maxPerStudent: 101), ["capacity", "maxPerStudent"]),
      ]
      for (seats, fields) in wrong {
        let command = try Self.command(seats)
        let refused = await problem { try await port.register(command, by: caller, key: nil) }
        #expect(refused?.fields.map(\.field) == fields, "\(seats)")
      }
      let course = try await port.register(
        try Self.command(SeatLimits(capacity: 1)), by: caller, key: nil)
      let change = CourseChange(capacity: .limited(to: -1), maxPerStudent: 101)
      let refused = await problem { try await port.modify(course.id, change, by: caller) }
      #expect(refused?.fields.map(\.field) == ["capacity", "maxPerStudent"])
    }
  }

  @Test("T17: a repeat with the same key gets the same limits", arguments: Way.allCases)
  func repeats(_ way: Way) async throws {
    let caller = self.caller
    try await CourseHarness().with(way) { port in
      let key = try IdempotencyKey("k-1")
      for seats in [SeatLimits(capacity: 30), SeatLimits(maxPerStudent: 0)] {
        let key = try IdempotencyKey("k-\(seats.maxPerStudent)")
        let command = try Self.command(seats)
        let course = try await port.register(command, by: caller, key: key)
        #expect(course.details.seats == seats)
        #expect(try await port.register(command, by: caller, key: key) == course)
      }
      let other = try Self.command(SeatLimits(capacity: 31))
      let refused = await problem { try await port.register(other, by: caller, key: key) }
      #expect(refused?.code == "idempotency-key-reused")
    }
  }

  @Test("a course without limits has the seed's shape; numbers may be sent as text")
  func shape() async throws {
    let courses = try CourseHarness()
    try await courses.withREST { http in
      let plain = try await http.request(
        "POST", "/courses", body: #"{"name": "korean", "teacher": "hong", "fee": "10000"}"#)
      #expect(plain.status == 201)
      #expect(
        plain.json.object?.members.map(\.name) == ["name", "teacher", "fee", "textBook", "_links"])
      let limited = try await http.request(
        "POST", "/courses",
        body: #"""
          {"name": "math", "teacher": "kim", "fee": 1, "capacity": "5", "maxPerStudent": "0"}
          """#)
      #expect(limited.json["capacity"] == 5)
      #expect(limited.json["maxPerStudent"] == 0)
    }
  }

  private static func command(_ seats: SeatLimits) throws -> RegisterCourse {
    RegisterCourse(
      name: "korean", teacher: "hong-gil-dong", fee: try Money(won: 10_000),
      textBook: "kor_book", seats: seats)
  }
}
