import AdaptorTestSupport
import Contracts
import EventLog
import Kernel
import MyPageAdaptors
import Synchronization
import Testing

/// The logs of the five services that my page follows, as their feeds tell them.
final class MyPageLogs: Sendable {
  static let logID = "log"

  private let logs: [String: [EventsV1.Event]]
  private let ends: Mutex<[String: Int]>

  /// Classes of which some are enrolled only, some canceled too; each source tells of them in an
  /// order of its own, which is right for each class alone.
  init(classes: Int64, seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    var stories: [String: [[EventsV1.Event]]] = [:]
    for number in 1...classes {
      let story = ClassStory(
        classID: number, fee: number * 1000, student: "étudiant-\(number % 17)")
      var events = try story.enrolled()
      if number % 3 == 0 { events += try story.canceled() }
      for (source, told) in Dictionary(grouping: events, by: \.source) {
        stories[source, default: []].append(told)
      }
    }
    self.logs = stories.mapValues { Self.merged($0, using: &generator) }
    self.ends = Mutex(self.logs.mapValues(\.count))
  }

  init(_ events: [EventsV1.Event]) {
    self.logs = Dictionary(grouping: events, by: \.source)
    self.ends = Mutex(self.logs.mapValues(\.count))
  }

  private static func merged(
    _ stories: [[EventsV1.Event]], using generator: inout SeededGenerator
  ) -> [EventsV1.Event] {
    var next = stories.map { $0[...] }
    let order = stories.indices.flatMap { index in stories[index].map { _ in index } }
    return order.shuffled(using: &generator).enumerated().compactMap { place, index in
      var event = next[index].popFirst()
      event?.sequence = Int64(place + 1)
      return event
    }
  }

  var count: Int { self.logs.values.reduce(0) { $0 + $1.count } }

  /// Hides all but the first part of each log, or of one.
  func show(_ part: Double, of source: String? = nil) {
    self.ends.withLock { ends in
      for (name, log) in self.logs where source ?? name == name {
        ends[name] = Int(Double(log.count) * part)
      }
    }
  }

  /// Lets each log grow by some events.
  func grow(by events: Int) {
    self.ends.withLock { ends in
      for (source, log) in self.logs {
        ends[source] = min(log.count, ends[source, default: 0] + events)
      }
    }
  }

  /// What a feed of `source` answers now; refuses what a real one refuses.
  func fetch(_ source: String, _ request: EventsV1.FetchRequest) throws -> EventsV1.FetchResponse {
    #expect(request.after >= 0 && request.waitMs >= 0)
    #expect((1...Int32(EventFeed.maxEvents)).contains(request.max))
    #expect(request.types == MyPageEventAdaptor(source: source).types)
    let log = (self.logs[source] ?? []).prefix(self.ends.withLock { $0[source] ?? 0 })
    let events = log.filter { $0.sequence > request.after }.prefix(Int(request.max))
    let last = Int64(log.count)
    return EventsV1.FetchResponse(
      events: Array(events), logID: Self.logID, lastSequence: last,
      through: events.last?.sequence ?? last)
  }

  /// Lets the live view take some events of one source, as its consumer does.
  ///
  /// - Returns: whether there were any.
  @discardableResult
  func pump(
    _ source: String, atMost count: Int32, into harness: ContextHarness
  ) async throws -> Bool {
    let handler = MyPageEventAdaptor(source: source)
    let intake = harness.intake(handler)
    let position = try await intake.position()
    let answer = try self.fetch(
      source,
      EventsV1.FetchRequest(after: position.sequence, max: count, types: handler.types))
    try await intake.take(answer, from: position)
    return answer.through > position.sequence
  }

  /// Lets the live view take everything, the sources by turns that `seed` decides.
  func drain(into harness: ContextHarness, seed: UInt64) async throws {
    var generator = SeededGenerator(seed: seed)
    var sources = Set(MyPageEventAdaptor.sources)
    while let source = sources.sorted().randomElement(using: &generator) {
      let count = Int32.random(in: 1...200, using: &generator)
      if try await !self.pump(source, atMost: count, into: harness) { sources.remove(source) }
    }
  }
}
