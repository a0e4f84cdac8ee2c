extension Routes {
  /// What a Prometheus server scrapes.
  ///
  /// - Parameter rendered: exposition format 0.0.4, made for each scrape.
  package func addMetrics(_ rendered: @escaping @Sendable () -> String) {
    self.on(.get, "/metrics", isExempt: true, isPublic: true) { _ in
      .text(rendered(), mediaType: "text/plain; version=0.0.4; charset=utf-8")
    }
  }
}
