import Synchronization

/// Runs queries on a few connections, each query on one consistent snapshot.
final class ReadPool: Sendable {
  private struct State {
    var waiting: [WaitingUnit] = []
    /// The last one used comes first again: its caches are warm.
    var idle: [SQLiteLane]
    var isClosed = false
  }

  private let lanes: [SQLiteLane]
  private let maxWaitingReads: Int
  private let state: Mutex<State>

  init(lanes: [SQLiteLane], maxWaitingReads: Int) {
    self.lanes = lanes
    self.maxWaitingReads = maxWaitingReads
    self.state = Mutex(State(idle: lanes))
  }

  func submit(_ query: WaitingUnit) {
    let refusal = self.state.withLock { state -> StorageError? in
      guard !state.isClosed else { return .closed }
      if let lane = state.idle.popLast() {
        // Under the lock, so that `close` comes behind it in the lane.
        lane.async { connection in self.work(query, on: connection, of: lane) }
        return nil
      }
      guard state.waiting.count < self.maxWaitingReads else {
        return .overloaded(waiting: state.waiting.count)
      }
      state.waiting.append(query)
      return nil
    }
    if let refusal { query.fail(refusal) }
  }

  /// Answers what waits, takes nothing new and closes the connections.
  func close() async {
    self.state.withLock { $0.isClosed = true }
    for lane in self.lanes { await lane.close() }
  }

  private func work(
    _ first: WaitingUnit, on connection: SQLiteConnection, of lane: SQLiteLane
  ) {
    var query: WaitingUnit? = first
    while let current = query {
      self.run(current, on: connection)
      query = self.state.withLock { state in
        if state.waiting.isEmpty {
          state.idle.append(lane)
          return nil
        }
        return state.waiting.removeFirst()
      }
    }
  }

  private func run(_ query: WaitingUnit, on connection: SQLiteConnection) {
    do {
      try connection.perform(.beginRead)
      defer { try? connection.perform(.rollback) }
      let answer = try query.run(connection)
      answer()
    } catch {
      query.fail(error)
    }
  }
}
