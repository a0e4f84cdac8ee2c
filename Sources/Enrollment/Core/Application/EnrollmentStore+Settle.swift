import Kernel

extension EnrollmentStore {
  /// Settles each of some overdue things in a unit of work of its own, several at the same time: they
  /// share commits. An error of the store leaves a thing for the next round.
  ///
  /// - Parameters:
  ///   - cause: The name of the cause of what happens to one.
  ///   - committing: Reached before the commit of one that was settled.
  ///   - committed: Reached when the unit of work of one is over.
  ///   - step: Settles one, or leaves what has changed meanwhile as it is and answers false.
  func settle<Thing: Sendable>(
    _ things: [Thing], cause: @escaping @Sendable (Thing) -> String, committing: CrashPoint,
    committed: CrashPoint,
    step: @escaping @Sendable (Thing, any EnrollmentTransaction) throws -> Bool
  ) async -> Settlement {
    let outcomes = await things.concurrentMap(atMost: 16) { thing in
      let done: Void? = try? await self.transact(because: Cause(id: cause(thing))) { tx in
        guard try step(thing, tx) else { return }
        CrashPoint.reached(committing)
      }
      CrashPoint.reached(committed)
      return done != nil
    }
    return Settlement(of: outcomes)
  }
}
