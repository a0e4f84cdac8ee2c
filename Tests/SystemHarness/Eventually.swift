/// Asks until the answer is yes; fails when it has not become so in time.
package func eventually(
  _ what: String, within limit: Duration = .seconds(60), _ probe: () async throws -> Bool
) async throws {
  let end = ContinuousClock.now + limit
  while try await !probe() {
    guard ContinuousClock.now < end else {
      throw SystemTestFailure("not within \(limit): \(what)")
    }
    try await Task.sleep(for: .milliseconds(20))
  }
}
