import Contracts
import EventLog
import Foundation
import FramedRPC
import HTTPClientKit
import JSON
import Kernel
import Logging
import PayAdaptors
import Storage
import SystemHarness
import TestSupport
import Testing

@Suite("sugang events", .serialized)
struct EventsCommandTests {
  @Test("T14: an operator sees a parked event, tries it again, gives it up; what waited goes on")
  func parkedEvent() async throws {
    let system = try await RunningSugang.start()
    func events(_ arguments: String...) async throws -> (status: Int32, text: String) {
      try await CommandLineTests.run(
        ["events"] + arguments + ["--port-offset", "\(system.portOffset)"])
    }
    let nothing = try await events("parked")
    #expect(nothing.status == 0)
    #expect(nothing.text.contains("no events are parked"), "\(nothing.text)")

    try await Self.tellPoison(system)
    try await eventually("both events are parked") {
      try await events("parked", "point").text.contains("PaymentApproved")
    }
    let parked = try await events("parked", "point", "--json")
    #expect(parked.status == 0)
    let rows = try #require(try JSONValue(parsing: parked.text).array)
    #expect(rows.map { $0["source"]?.string } == ["pay", "pay"])
    #expect(rows.map { $0["subject"]?.string } == ["class-1001", "class-1001"])
    let id = try #require(rows.first?["event"]?.string)

    // A parked event stops nobody else.
    #expect(try await system.http.request("GET", "/readyz").status == 200)

    let retried = try await events("retry", "point")
    #expect(retried.status == 1)
    #expect(retried.text.contains("handled: 0, still parked: 2"), "\(retried.text)")
    #expect(retried.text.contains(id), "\(retried.text)")

    let skipped = try await events("skip", "point", "--event", id)
    #expect(skipped.status == 0)
    #expect(skipped.text.contains("\(id) is given up"), "\(skipped.text)")
    let again = try await events("skip", "point", "--event", id)
    #expect(again.status == 0)
    #expect(again.text.contains("nothing is changed"), "\(again.text)")

    let last = try await events("retry", "point", "--source", "pay", "--subject", "class-1001")
    #expect(last.status == 0, "\(last.text)")
    try await eventually("the event behind has its effect, once") {
      try await system.all("points").count == 1
    }
    try await system.stop()
  }

  /// Pay tells of a payment in bytes that are no message, and then again as it should.
  private static func tellPoison(_ system: RunningSugang) async throws {
    let options = CallOptions(timeout: .seconds(20))
    _ = try await system.supervisor.stopService(.init(name: "pay"), options: options)
    let database = try SQLiteDatabase(
      path: system.data + "/pay.sqlite", migrations: SQLPayStore.migrations,
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    let outbox = Outbox(source: "pay", database: database)
    let approved = try PayV1.PaymentApproved(
      id: 1001, classID: 1001, courseID: 7, fee: 10_000, student: "john-doe",
      status: "PAYMENT_COMPLETED", textBook: "kor_book"
    ).encodedBytes()
    try await database.write { connection in
      for data in [[0xFF], approved] {
        try outbox.append(
          OutgoingEvent(
            type: "PaymentApproved", subject: "class-1001", correlationID: "1001",
            time: Timestamp(microseconds: 0), cause: Cause(id: "test"), data: data),
          in: connection)
      }
    }
    await database.close()
    _ = try await system.supervisor.startService(.init(name: "pay"), options: options)
  }

  @Test("a service that cannot be asked is named, with what to do")
  func notThere() async throws {
    let offset = "\(try FreePorts.offset())"
    let down = try await CommandLineTests.run(["events", "retry", "pay", "--port-offset", offset])
    #expect(down.status == 1)
    #expect(down.text.contains("error: pay does not answer at 127.0.0.1:"), "\(down.text)")
    #expect(down.text.contains("sugang start pay"), "\(down.text)")

    let all = try await CommandLineTests.run(["events", "parked", "--port-offset", offset])
    #expect(all.status == 1)
    #expect(all.text.contains("error: mypage does not answer"), "\(all.text)")

    let gateway = try await CommandLineTests.run(["events", "parked", "gateway"])
    #expect(gateway.status == 1)
    #expect(gateway.text.contains("error: the gateway takes no events"), "\(gateway.text)")
  }
}
