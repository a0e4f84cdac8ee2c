import ServiceLifecycle

/// Makes a service unready before its doors close, so that whoever spreads the load can turn away
/// first (trap T47). The last to start, and so the first that is told to stop.
struct DrainNotice: Service {
  let readiness: Readiness
  /// How long the doors stay open after it.
  let delay: Duration

  func run() async throws {
    try? await gracefulShutdown()
    self.readiness.lacks("draining")
    if self.delay > .zero {
      try? await Task.sleep(for: self.delay)
    }
  }
}
