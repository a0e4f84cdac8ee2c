import Kernel
import Synchronization
import Testing

@Suite("Mapping concurrently")
struct ConcurrentMapTests {
  @Test("does everything once and stays within the limit", arguments: [1, 3, 100])
  func limit(limit: Int) async {
    let running = Mutex((now: 0, most: 0))

    let results = await Array(1...50).concurrentMap(atMost: limit) { number in
      running.withLock { running in
        running.now += 1
        running.most = max(running.most, running.now)
      }
      await Task.yield()
      running.withLock { $0.now -= 1 }
      return number
    }

    #expect(results.sorted() == Array(1...50))
    #expect(running.withLock { $0.most } <= limit)
  }
}
