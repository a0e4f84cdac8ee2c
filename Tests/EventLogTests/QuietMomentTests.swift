import Contracts
import EventLog
import FramedRPC
import Synchronization
import Testing

@Suite("Events that wait for a quiet moment", .timeLimit(.minutes(3)))
struct QuietMomentTests {
  /// Looks one after the other until the moment has come. No time passes but what it sleeps.
  ///
  /// - Parameter busy: whether a call is being answered at each look; the last goes on for ever.
  private static func wait(
    _ busy: [Bool], atMost longest: Duration = .seconds(2)
  ) async throws -> (looks: Int, time: Duration) {
    let looks = Mutex(0)
    let start = ContinuousClock.now
    let time = Mutex(start)
    let moment = QuietMoment(
      now: { time.withLock { $0 } },
      sleep: { slept in time.withLock { $0 += slept } },
      isBusy: {
        looks.withLock { looks in
          defer { looks += 1 }
          return busy[min(looks, busy.count - 1)]
        }
      })
    let waited = try await moment.wait(atMost: longest)
    #expect(waited == time.withLock { $0 } - start)
    return (looks.withLock { $0 }, waited)
  }

  @Test("several looks in a row find no call")
  func quiet() async throws {
    #expect(try await Self.wait([false]) == (4, .milliseconds(60)))
    #expect(
      try await Self.wait([true, false, false, false, true, false]) == (9, .milliseconds(160)))
  }

  @Test("nobody waits for longer than told")
  func busy() async throws {
    #expect(try await Self.wait([true]) == (101, .seconds(2)))
    #expect(try await Self.wait([true], atMost: .milliseconds(30)).time == .milliseconds(30))
    #expect(try await Self.wait([true], atMost: .zero).time == .zero)
  }

  @Test("who is cancelled does not wait for it")
  func cancelled() async throws {
    let moment = QuietMoment { true }
    let waiting = Task { try await moment.wait(atMost: .seconds(3600)) }
    waiting.cancel()
    await #expect(throws: CancellationError.self) { try await waiting.value }
  }

  @Test("a fetch that lets calls go first finds what was committed meanwhile")
  func fetch() async throws {
    let bench = try EventLogBench()
    let (looks, look) = AsyncStream<Void>.makeStream()
    let isBusy = Mutex(true)
    let feed = EventFeed(
      outbox: bench.outbox,
      isBusy: {
        look.yield()
        return isBusy.withLock { $0 }
      })
    async let answer = feed.fetch(
      EventsV1.FetchRequest(after: 0, max: 10, waitMs: 0, yieldMs: 3_000), RPCContext())
    for await _ in looks { break }
    try await bench.publish(3)
    isBusy.withLock { $0 = false }
    #expect(try await answer.events.map(\.sequence) == [1, 2, 3])
  }

  @Test("a fetch lets calls go first once, however much it has to look through")
  func once() async throws {
    let bench = try EventLogBench()
    try await bench.publish(12)
    let looks = Mutex(0)
    let feed = EventFeed(
      outbox: bench.outbox, readLimits: (sequences: 1, reads: 16),
      isBusy: {
        looks.withLock { $0 += 1 }
        return true
      })
    let answer = try await feed.fetch(
      EventsV1.FetchRequest(
        after: 0, max: 10, waitMs: 0, types: ["NoSuchEvent"], yieldMs: 30), RPCContext())
    #expect(answer.through == 12)
    // At once, after 20 ms and after 30.
    #expect((1...3).contains(looks.withLock { $0 }))
  }

  @Test("a fetch that lets nobody go first does not even look")
  func atOnce() async throws {
    let bench = try EventLogBench()
    try await bench.publish(1)
    let isAsked = Mutex(false)
    let feed = EventFeed(
      outbox: bench.outbox,
      isBusy: {
        isAsked.withLock { $0 = true }
        return true
      })
    let request = EventsV1.FetchRequest(after: 0, max: 10, waitMs: 0)
    #expect(try await feed.fetch(request, RPCContext()).events.count == 1)
    #expect(!isAsked.withLock { $0 })
  }
}
