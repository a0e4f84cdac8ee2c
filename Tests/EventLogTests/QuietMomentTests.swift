import Contracts
import EventLog
import FramedRPC
import Synchronization
import Testing

@Suite("Events that wait for a quiet moment", .timeLimit(.minutes(3)))
struct QuietMomentTests {
  /// Whether a call is being answered at each look, one after the other; the last goes on for ever.
  private static func looks(
    _ busy: [Bool], atMost longest: Duration = .seconds(2)
  ) async throws -> Int {
    let taken = Mutex(0)
    let moment = QuietMoment(atMost: longest, sleep: { _ in }) {
      taken.withLock { taken in
        defer { taken += 1 }
        return busy[min(taken, busy.count - 1)]
      }
    }
    try await moment.come()
    return taken.withLock { $0 }
  }

  @Test("several looks in a row find no call")
  func quiet() async throws {
    #expect(try await Self.looks([false]) == QuietMoment.looks)
    #expect(try await Self.looks([true, false, false, false, true, false]) == 9)
  }

  @Test("nobody waits for longer than told")
  func busy() async throws {
    #expect(try await Self.looks([true]) == 100, "two seconds, every 20 ms")
    #expect(try await Self.looks([true], atMost: .milliseconds(10)) == 1)
    #expect(try await Self.looks([true], atMost: .zero) == 0)
  }

  @Test("a fetch that is cancelled does not wait for it")
  func cancelled() async throws {
    let moment = QuietMoment(atMost: .seconds(3600)) { true }
    let waiting = Task { try await moment.come() }
    waiting.cancel()
    await #expect(throws: CancellationError.self) { try await waiting.value }
  }

  @Test("a fetch looks once the moment has come, and finds what was committed before")
  func fetch() async throws {
    let bench = try EventLogBench()
    let (looks, look) = AsyncStream<Void>.makeStream()
    let isBusy = Mutex(true)
    let feed = EventFeed(
      outbox: bench.outbox,
      quietMoment: QuietMoment(atMost: .seconds(3600), sleep: { _ in await Task.yield() }) {
        look.yield()
        return isBusy.withLock { $0 }
      })
    async let answer = feed.fetch(
      EventsV1.FetchRequest(after: 0, max: 10, waitMs: 0), RPCContext())
    for await _ in looks { break }
    try await bench.publish(3)
    isBusy.withLock { $0 = false }
    #expect(try await answer.events.map(\.sequence) == [1, 2, 3])
  }
}
