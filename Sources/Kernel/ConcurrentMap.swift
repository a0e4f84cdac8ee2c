extension Collection where Self: Sendable, Element: Sendable {
  /// Runs `work` for each element, at most `limit` at the same time.
  ///
  /// - Returns: The results, in the order in which they came.
  package func concurrentMap<Result: Sendable>(
    atMost limit: Int, _ work: @escaping @Sendable (Element) async -> Result
  ) async -> [Result] {
    await withTaskGroup(of: Result.self) { group in
      var results: [Result] = []
      for (index, element) in self.enumerated() {
        if index >= limit, let result = await group.next() { results.append(result) }
        group.addTask { await work(element) }
      }
      for await result in group { results.append(result) }
      return results
    }
  }
}
