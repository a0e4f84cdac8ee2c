import Contracts
import EventLog
import FramedRPC
import Logging
import NIOPosix
import Synchronization
import Testing

@Suite("Following a feed")
struct EventConsumerTests {
  /// Serves `bench`'s feed in-process while `body` runs.
  static func serving(
    _ bench: EventLogBench, as name: String, in network: InProcessNetwork,
    _ body: () async throws -> Void
  ) async throws {
    let feed = EventFeed(outbox: bench.outbox)
    let server = try RPCServer(
      services: [EventsV1.EventFeedService.register(feed)],
      group: MultiThreadedEventLoopGroup.singleton)
    try await server.listen(on: .inProcess(name, in: network))
    do {
      try await body()
    } catch {
      feed.stop()
      await server.shutdown(grace: .seconds(1))
      throw error
    }
    feed.stop()
    await server.shutdown(grace: .seconds(1))
  }

  /// Follows the feed for events of the type `Wanted` with a new consumer, which is ended as soon as
  /// it has moved on.
  static func runBriefly(
    _ bench: EventLogBench, _ name: String, in network: InProcessNetwork
  ) async throws {
    let client = RPCClient(
      address: .inProcess(name, in: network), group: MultiThreadedEventLoopGroup.singleton)
    defer { client.shutdown() }
    let intake = bench.intake(CountingHandler(types: ["Wanted"]))
    let following = EventConsumer(
      source: "test", feed: EventsV1.EventFeedServiceClient(client), intake: intake,
      logger: EventLogBench.quiet)
    let cursor = try await intake.cursor()
    try await Self.follow(following) { try await intake.cursor() > cursor }
  }

  @Test("K23: a consumer takes what it missed while either side was away")
  func catchesUp() async throws {
    let producer = try EventLogBench()
    let consumer = try EventLogBench()
    let network = InProcessNetwork()
    let client = RPCClient(
      address: .inProcess("producer", in: network), group: MultiThreadedEventLoopGroup.singleton)
    defer { client.shutdown() }
    let following = EventConsumer(
      source: "test", feed: EventsV1.EventFeedServiceClient(client), intake: consumer.intake(),
      logger: EventLogBench.quiet)
    try await producer.publish(3)
    try await Self.serving(producer, as: "producer", in: network) {
      try await following.step()
    }
    #expect(try await consumer.effects() == [1, 2, 3])

    try await producer.publish(600)
    try await Self.serving(producer, as: "producer", in: network) {
      while try await consumer.intake().cursor() < 603 { try await following.step() }
    }
    #expect(try await consumer.effects() == Array(1...603))
  }

  @Test("a consumer that is cancelled in the middle neither loses nor doubles an effect")
  func survivesCancellation() async throws {
    let producer = try EventLogBench()
    let consumer = try EventLogBench()
    let network = InProcessNetwork()
    try await producer.publish(2_000)
    try await Self.serving(producer, as: "producer", in: network) {
      for _ in 0..<200 {
        let cursor = try await consumer.intake().cursor()
        if cursor == 2_000 { return }
        // A new consumer each time, ended as soon as it has moved on.
        let client = RPCClient(
          address: .inProcess("producer", in: network),
          group: MultiThreadedEventLoopGroup.singleton)
        let following = EventConsumer(
          source: "test", feed: EventsV1.EventFeedServiceClient(client),
          intake: consumer.intake(), logger: EventLogBench.quiet)
        let running = Task { try await following.run() }
        while try await consumer.intake().cursor() == cursor {
          try Task.checkCancellation()
          await Task.yield()
        }
        running.cancel()
        try await running.value
        client.shutdown()
      }
    }
    #expect(try await consumer.effects() == Array(1...2_000))
  }

  /// Runs `following` until `isTrue`.
  private static func follow(
    _ following: EventConsumer, until isTrue: () async throws -> Bool
  ) async throws {
    let running = Task { try await following.run() }
    do {
      while try await !isTrue() {
        try Task.checkCancellation()
        await Task.yield()
      }
    } catch {
      running.cancel()
      throw error
    }
    running.cancel()
    try await running.value
  }

  @Test("T14: what is parked is taken up again at the start, and then from time to time")
  func retriesParked() async throws {
    let producer = try EventLogBench()
    let consumer = try EventLogBench()
    let network = InProcessNetwork()
    let client = RPCClient(
      address: .inProcess("producer", in: network), group: MultiThreadedEventLoopGroup.singleton)
    defer { client.shutdown() }
    func following(_ handler: any EventHandler, every interval: Duration) -> EventConsumer {
      EventConsumer(
        source: "test", feed: EventsV1.EventFeedServiceClient(client),
        intake: consumer.intake(handler), parkedRetryInterval: interval,
        logger: EventLogBench.quiet)
    }
    try await producer.publish(2)
    try await Self.serving(producer, as: "producer", in: network) {
      // Parks both; a consumer that tries again only after an hour leaves them.
      try await Self.follow(
        following(FailingHandler(times: .max), every: .seconds(3600))
      ) { try await consumer.parked().count == 2 }
      // Started anew, it takes them up before anything else comes.
      try await Self.follow(following(CountingHandler(), every: .seconds(3600))) {
        try await consumer.effects() == [1, 2]
      }
      // Each event comes by its own fetch, so that there is a time after the first try.
      try await producer.publish()
      try await Self.follow(
        following(FailingHandler(times: EventIntake.pauses.count + 3), every: .zero)
      ) {
        try await producer.publish()
        return try await consumer.effects().prefix(4) == [1, 2, 3, 4]
      }
    }
    #expect(try await consumer.parked() == [])
  }

  @Test("a consumer that starts with parked events says how many, and goes on")
  func tellsOfParked() async throws {
    let producer = try EventLogBench()
    let consumer = try EventLogBench()
    let network = InProcessNetwork()
    let client = RPCClient(
      address: .inProcess("producer", in: network), group: MultiThreadedEventLoopGroup.singleton)
    defer { client.shutdown() }
    let refusing = consumer.intake(CountingHandler(refusedSubject: "bad"))
    try await producer.publish(2, subject: "bad")
    let events = try await producer.outbox.events(after: 0, limit: 2)
    try await refusing.take(events.events, logID: events.logID)
    try await producer.publish(subject: "good")

    let log = RecordedLog()
    let following = EventConsumer(
      source: "test", feed: EventsV1.EventFeedServiceClient(client), intake: refusing,
      parkedRetryInterval: .zero, logger: Logger(label: "test") { _ in log })
    try await Self.serving(producer, as: "producer", in: network) {
      try await Self.follow(following) { try await consumer.effects() == [3] }
    }
    #expect(following.reasonsNotReady == [])
    let lines = log.lines.all.withLock { $0 }.filter { $0.contains("events stay parked") }
    #expect(lines.count == 1)
    #expect(lines.first?.hasPrefix("warning") == true)
    #expect(lines.first?.contains(#""events": 2"#) == true, "\(lines)")
  }

  @Test("a source with another log makes the follower unready until it has the right one again")
  func otherLog() async throws {
    let first = try EventLogBench()
    let second = try EventLogBench()
    let consumer = try EventLogBench()
    let network = InProcessNetwork()
    let client = RPCClient(
      address: .inProcess("producer", in: network), group: MultiThreadedEventLoopGroup.singleton)
    defer { client.shutdown() }
    let following = EventConsumer(
      source: "test", feed: EventsV1.EventFeedServiceClient(client), intake: consumer.intake(),
      logger: EventLogBench.quiet)
    try await first.publish(2)
    try await Self.serving(first, as: "producer", in: network) {
      try await Self.follow(following) { try await consumer.effects() == [1, 2] }
    }
    #expect(following.reasonsNotReady == [])
    try await Self.serving(second, as: "producer", in: network) {
      try await Self.follow(following) { !following.reasonsNotReady.isEmpty }
    }
    try await first.publish()
    try await Self.serving(first, as: "producer", in: network) {
      try await Self.follow(following) {
        try await consumer.effects() == [1, 2, 3] && following.reasonsNotReady.isEmpty
      }
    }
  }
}
