import AdaptorSupport
import Contracts
import EventLog
import FramedRPC
import Kernel
import Storage

extension EventsV1.Event {
  /// An event as the outbox of `source` would offer it; its type is the name of `message`.
  package static func told<Message: RPCMessage>(
    _ source: String, _ sequence: Int64, about subject: EventSubject, _ message: Message,
    time: String = "2026-03-02T00:00:00.000000Z"
  ) throws -> EventsV1.Event {
    EventsV1.Event(
      id: "\(source)-test-\(sequence)", type: Message.eventType, version: 1, source: source,
      subject: subject.text, sequence: sequence, time: time,
      correlationID: subject.correlationID, data: try message.encodedBytes())
  }

  /// An event about a class, as nearly all are.
  package static func told<Message: RPCMessage>(
    _ source: String, _ sequence: Int64, about classID: Int64, _ message: Message,
    time: String = "2026-03-02T00:00:00.000000Z"
  ) throws -> EventsV1.Event {
    try .told(source, sequence, about: .class(ClassID(classID)), message, time: time)
  }

  /// Enrollment tells that a class has another student.
  package static func classModified(
    _ sequence: Int64, class id: Int64 = 1, student: String
  ) throws -> EventsV1.Event {
    try .told(
      "class", sequence, about: id,
      EnrollmentV1.ClassModified(id: id, courseID: 7, fee: 10_000, student: student))
  }

  /// The same event with data that is no message.
  package var poisoned: EventsV1.Event {
    var event = self
    event.data = [0xFF]
    return event
  }
}

extension RPCMessage {
  /// The name without its package: `PaymentApproved`.
  package static var eventType: String {
    self.messageName.split(separator: ".").last.map(String.init) ?? ""
  }

  /// The event's name and fields in the seed's spelling: `CourseDeleted(id, name, teacher)`.
  package var seedShape: String {
    let names = Mirror(reflecting: self).children.compactMap(\.label).map {
      $0.hasSuffix("ID") ? $0.dropLast(2) + "Id" : $0
    }
    return "\(Self.eventType)(\(names.joined(separator: ", ")))"
  }
}

/// How a test hands events to a context.
package enum EventPath: String, CaseIterable, Sendable, CustomStringConvertible {
  /// As a consumer does: a repeat is noticed before the adaptor sees it.
  case throughInbox
  /// Straight to the adaptor, which has to bear repeats by itself (trap T10).
  case pastInbox

  package var description: String {
    switch self {
    case .throughInbox: "through the inbox"
    case .pastInbox: "past the inbox"
    }
  }
}

extension EventHandler {
  /// The types of its source's events that the handler does something with: it fails at data that is
  /// no message. Nothing is changed.
  package func handledTypes(in harness: ContextHarness) async throws -> [String] {
    var types: [String] = []
    for type in EventsV1.Event.typesBySource[self.source] ?? [] {
      let event = EventsV1.Event(
        id: "\(self.source)-test-1", type: type, source: self.source, subject: "class-1",
        sequence: 1, time: "2026-03-02T00:00:00.000000Z", data: [0xFF])
      do {
        try await harness.database.write { try self.handle(event, in: $0) }
      } catch is CodecError {
        types.append(type)
      }
    }
    return types
  }
}

extension EventsV1.Event {
  /// Every type that a service publishes, and one that it does not.
  fileprivate static let typesBySource = [
    "course": [
      CourseV1.CourseRegistered.eventType, CourseV1.CourseModified.eventType,
      CourseV1.CourseDeleted.eventType, CourseV1.CourseCanceled.eventType,
      CourseV1.TextbookDeliveried.eventType,
      CourseV1.DeliveryCanceled.eventType, "SomethingElse",
    ],
    "class": [
      EnrollmentV1.ClassRegistered.eventType, EnrollmentV1.ClassModified.eventType,
      EnrollmentV1.ClassCanceled.eventType, EnrollmentV1.SeatOffered.eventType,
      EnrollmentV1.SeatOfferExpired.eventType, "SomethingElse",
    ],
    "pay": [
      PayV1.PaymentApproved.eventType, PayV1.PaymentCanceled.eventType, "SomethingElse",
    ],
    "point": [
      PointV1.PointRegistered.eventType, PointV1.PointCanceled.eventType, "SomethingElse",
    ],
    "gift": [GiftV1.GiftRegistered.eventType, GiftV1.GiftCanceled.eventType, "SomethingElse"],
  ]
}

extension ContextHarness {
  /// How long a call of a test may take: only a hang is longer, however busy the machine is.
  package static let patience = Duration.seconds(60)

  package func intake(_ handler: any EventHandler) -> EventIntake {
    EventIntake(
      handler: handler, database: self.database, clock: self.clock, logger: Self.quiet)
  }

  /// Hands each event to the handler of its source, in the order given, one transaction each.
  package func tell(
    _ events: [EventsV1.Event], to handlers: [any EventHandler],
    _ delivery: EventPath = .throughInbox
  ) async throws {
    for event in events {
      for handler in handlers where handler.source == event.source {
        switch delivery {
        case .throughInbox: try await self.intake(handler).take([event], logID: "log")
        case .pastInbox: try await self.database.write { try handler.handle(event, in: $0) }
        }
      }
    }
  }
}
