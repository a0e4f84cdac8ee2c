import Testing

/// Asks until the answer is yes, for a minute at most.
func eventually(_ probe: () async throws -> Bool) async throws {
  let end = ContinuousClock.now + .seconds(60)
  while try await !probe() {
    try #require(ContinuousClock.now < end, "not within a minute")
    try await Task.sleep(for: .milliseconds(1))
  }
}
