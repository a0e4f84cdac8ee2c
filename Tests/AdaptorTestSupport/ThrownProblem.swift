import Kernel

/// What `work` was refused with, whichever way it reached the port; nil when it was not refused, or
/// failed without a word for the caller.
package func problem<Answer>(_ work: () async throws -> Answer) async -> Problem? {
  do {
    _ = try await work()
    return nil
  } catch {
    return (error as? any DomainError)?.problem
  }
}
