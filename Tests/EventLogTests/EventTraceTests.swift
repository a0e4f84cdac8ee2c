import Contracts
import EventLog
import Storage
import Synchronization
import Testing
import W3CTrace

@Suite("Events within traces")
struct EventTraceTests {
  private static let trace = "4bf92f3577b34da6a3ce929d0e0e4736"

  /// Keeps the traces that it finds itself in.
  private final class Seeing: EventHandler {
    let source = "test"
    let types: [String] = []
    private let seen = Mutex<[TraceContext?]>([])

    var traces: [TraceContext?] { self.seen.withLock { $0 } }

    func handle(_ event: EventsV1.Event, in connection: any SQLConnection) throws {
      self.seen.withLock { $0.append(TraceContext.current) }
      try CountingHandler(refusedSubject: "refused").handle(event, in: connection)
    }
  }

  private static func event(_ sequence: Int64, _ subject: String, trace: String) -> EventsV1.Event {
    var event = incoming(sequence, subject: subject)
    event.traceContext = trace
    return event
  }

  @Test("an event is handled as a part of its own trace, and none without one")
  func handled() async throws {
    let bench = try EventLogBench()
    let handler = Seeing()
    let parent = "00-\(Self.trace)-00f067aa0ba902b7-01"
    try await bench.intake(handler).take(
      [
        Self.event(1, "1", trace: parent), Self.event(2, "2", trace: ""),
        Self.event(3, "3", trace: "nonsense"),
      ], logID: "log")
    #expect(try await bench.effects() == [1, 2, 3])
    #expect(handler.traces.map { $0.map { "\($0.traceID)" } } == [Self.trace, nil, nil])
    #expect(handler.traces[0]?.parent != parent, "a span of its own")
  }

  @Test("also when it is taken up again after it was parked")
  func retried() async throws {
    let bench = try EventLogBench()
    let handler = Seeing()
    let intake = bench.intake(handler)
    let parent = "00-\(Self.trace)-00f067aa0ba902b7-01"
    try await intake.take([Self.event(1, "refused", trace: parent)], logID: "log")
    #expect(try await bench.parked() == ["refused 1"])
    let before = handler.traces.count
    try await intake.retryParked()
    #expect(handler.traces.count == before + 1)
    #expect(handler.traces.allSatisfy { $0.map { "\($0.traceID)" } == Self.trace })
  }
}
