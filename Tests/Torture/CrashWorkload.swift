import Contracts
import Foundation
import FramedRPC
import HTTPClientKit
import JSON
import NIOPosix
import SystemHarness

/// Uses everything that the system offers, a little, and remembers what it was told. Whoever gets no
/// answer asks again with the same key, as a good client does.
struct CrashWorkload {
  /// An offered seat is kept for a second only, so that one of them expires.
  static let flags = ["--seat-offer-seconds", "1"]

  private let system: RunningSugang
  /// The course that each student's key was used for, and the status that it was first answered with.
  private var firstAnswers: [String: (course: Int64, status: Int)] = [:]

  init(_ system: RunningSugang) {
    self.system = system
  }

  mutating func run(withOutage: Bool) async throws {
    let course = try await self.registerCourse("korean", capacity: nil)
    _ = try await self.ask("PATCH", "/courses/\(course)", #"{"textBook":"new_book"}"#)
    let unused = try await self.registerCourse("unused", capacity: nil)
    try await self.enroll(["a", "b", "c", "d", "e", "f"], course)
    let classes = try await self.registeredClasses()
    guard let modified = classes["c"], let canceled = classes["d"], let refunded = classes["e"]
    else { throw SystemTestFailure("not all are enrolled: \(classes)") }
    _ = try await self.ask("PATCH", "/classes/\(modified)", #"{"student":"c2"}"#)
    _ = try await self.ask("DELETE", "/classes/\(canceled)", nil)
    try await self.refund(refunded)
    // One that people are in stays; one that nobody is in goes.
    _ = try await self.ask("DELETE", "/courses/\(course)", nil)
    _ = try await self.ask("DELETE", "/courses/\(unused)", nil)
    try await self.cancelCourse()
    try await self.waitForSeats()
    if withOutage {
      try await self.system.stopService("pay", kill: true)
      try await self.enroll(["late"], course)
      try await self.system.startService("pay")
      _ = try await self.registeredClasses()
    }
  }

  /// What was acknowledged and is not so, and keys that give another answer than at first.
  func brokenPromises() async throws -> [String] {
    let students = Set(try await self.classes().keys)
    var broken: [String] = []
    for student in ["a", "b", "c2", "f"] where !students.contains(student) {
      broken.append("\(student) was enrolled and is not")
    }
    for student in ["c", "d", "e", "x", "y"] where students.contains(student) {
      broken.append("\(student) has left and is there")
    }
    for (student, first) in self.firstAnswers {
      let again = try await self.enrollOnce(student, first.course)
      if again.status != first.status {
        broken.append(
          "the key of \(student) answered \(first.status) and now \(again.status) "
            + (again.json["code"]?.string ?? ""))
      }
    }
    return broken
  }

  /// One seat: who has it goes, the next in line gets it; one leaves the line, one is too late.
  private mutating func waitForSeats() async throws {
    let course = try await self.registerCourse("small", capacity: 1)
    try await self.enroll(["g"], course)
    guard let first = try await self.registeredClasses()["g"] else {
      throw SystemTestFailure("g is not enrolled")
    }
    var places: [String: Int64] = [:]
    for student in ["h", "i", "j"] {
      let answer = try await self.ask(
        "POST", "/waitlist", #"{"courseId":\#(course),"student":"\#(student)"}"#,
        key: "waitlist-\(student)")
      guard answer.status == 201 else { throw SystemTestFailure("\(student): \(answer.text)") }
      places[student] = try RunningSugang.id(answer.json)
    }
    _ = try await self.ask("DELETE", "/waitlist/\(places["h"] ?? 0)", nil)
    _ = try await self.ask("DELETE", "/classes/\(first)", nil)
    // i is offered the seat and too late for it; j is next.
    try await eventually("the seat is offered to j", within: .seconds(60)) {
      let place = try await self.ask("GET", "/waitlist/\(places["j"] ?? 0)", nil)
      return place.json["state"]?.string != "WAITING"
    }
  }

  // MARK: One thing each

  private func registerCourse(_ name: String, capacity: Int?) async throws -> Int64 {
    let limit = capacity.map { #","capacity":\#($0)"# } ?? ""
    let answer = try await self.ask(
      "POST", "/courses",
      #"{"name":"\#(name)","teacher":"hong","fee":10000,"textBook":"\#(name)_book"\#(limit)}"#,
      key: "course-\(name)")
    guard answer.status == 201 else { throw SystemTestFailure("\(name): \(answer.text)") }
    return try RunningSugang.id(answer.json)
  }

  private mutating func enroll(_ students: [String], _ course: Int64) async throws {
    let workload = self
    let answers = try await withThrowingTaskGroup(of: (String, Int).self) { group in
      for student in students {
        group.addTask {
          let answer = try await workload.enrollOnce(student, course)
          guard [201, 202].contains(answer.status) else {
            throw SystemTestFailure("\(student): \(answer.status) \(answer.text)")
          }
          return (student, answer.status)
        }
      }
      return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
    }
    for (student, status) in answers { self.firstAnswers[student] = (course, status) }
  }

  /// With people in it, and again, as somebody does who is not sure.
  private mutating func cancelCourse() async throws {
    let course = try await self.registerCourse("canceled", capacity: nil)
    try await self.enroll(["x", "y"], course)
    let path = "/courses/\(course)/cancellation"
    for _ in 0..<2 { _ = try await self.ask("POST", path, nil) }
    try await eventually("course \(course) is canceled", within: .seconds(60)) {
      try await self.ask("GET", path, nil).json["state"]?.string == "CANCELED"
    }
    // Gone, though its answer may have been lost.
    try await eventually("course \(course) is deleted", within: .seconds(60)) {
      [204, 404].contains(try await self.ask("DELETE", "/courses/\(course)", nil).status)
    }
  }

  private func enrollOnce(_ student: String, _ course: Int64) async throws -> HTTPResponse {
    try await self.ask(
      "POST", "/classes", #"{"courseId":\#(course),"student":"\#(student)"}"#,
      key: "student-\(student)")
  }

  /// Active classes by student.
  private func classes() async throws -> [String: Int64] {
    let answer = try await self.ask("GET", "/classes?size=1000", nil)
    var classes: [String: Int64] = [:]
    for item in answer.json["_embedded"]?["classes"]?.array ?? [] {
      classes[item["student"]?.string ?? ""] = try RunningSugang.id(item)
    }
    return classes
  }

  /// Active classes by student, once none of them is pending.
  private func registeredClasses() async throws -> [String: Int64] {
    try await eventually("every class is registered", within: .seconds(60)) {
      try await self.ask("GET", "/classes?size=1000", nil).json["_embedded"]?["classes"]?.array?
        .allSatisfy { $0["status"] == nil } ?? false
    }
    return try await self.classes()
  }

  /// By hand, as somebody who runs the system does.
  private func refund(_ classID: Int64) async throws {
    let channel = RPCClient(
      address: .tcp(host: "127.0.0.1", port: 9083 + self.system.portOffset),
      group: MultiThreadedEventLoopGroup.singleton)
    defer { channel.shutdown() }
    let pay = PayV1.PayServiceClient(channel)
    try await eventually("Pay refunds class \(classID)", within: .seconds(60)) {
      do {
        _ = try await pay.refund(
          PayV1.RefundRequest(classID: classID), options: CallOptions(timeout: .seconds(5)))
        return true
      } catch {
        return false
      }
    }
    try await eventually("class \(classID) is over", within: .seconds(60)) {
      try await self.ask("GET", "/classes/\(classID)", nil).status == 404
    }
  }

  /// Asks until there is an answer that is one.
  private func ask(
    _ method: String, _ path: String, _ body: String?, key: String? = nil
  ) async throws -> HTTPResponse {
    var answer: HTTPResponse?
    try await eventually("\(method) \(path) is answered", within: .seconds(60)) {
      answer = try? await self.system.http.request(
        method, path, headers: key.map { [("Idempotency-Key", $0)] } ?? [], body: body)
      guard let answer, ![429, 503].contains(answer.status) else { return false }
      return answer.json["code"]?.string != "idempotency-in-progress"
    }
    guard let answer else { throw SystemTestFailure("no answer") }
    return answer
  }
}
