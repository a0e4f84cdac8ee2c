/// Which command of which caller an idempotency key stands for, and what the command said.
package struct CommandKey: Hashable, Sendable {
  package let caller: String
  /// `register-class`: the same key may name one command of each kind.
  package let operation: String
  package let key: IdempotencyKey
  /// The same for the same request, different for another: its fields as a ``FieldText``.
  package let fingerprint: String

  package init(caller: String, operation: String, key: IdempotencyKey, fingerprint: String) {
    self.caller = caller
    self.operation = operation
    self.key = key
    self.fingerprint = fingerprint
  }
}

/// What is remembered of a command: which request it was, and its answer as the core wrote it.
package struct RememberedCommand: Hashable, Sendable {
  package let fingerprint: String
  package let answer: String

  package init(fingerprint: String, answer: String) {
    self.fingerprint = fingerprint
    self.answer = answer
  }
}

/// The part of a store's transaction that keeps the answers to commands, so that a repeat gets the
/// first answer, also after a restart.
package protocol CommandMemory {
  /// Looked up by caller, operation and key; the fingerprint takes no part.
  func rememberedCommand(_ key: CommandKey) throws -> RememberedCommand?

  /// Replaces what was remembered under the same caller, operation and key.
  func remember(_ command: RememberedCommand, as key: CommandKey) throws
}

extension CommandMemory {
  /// The answer given to this very request; nil when the key is new.
  ///
  /// - Throws: ``Problem/idempotencyKeyReused`` when the key came with another request.
  package func recall(_ key: CommandKey) throws -> String? {
    guard let command = try self.rememberedCommand(key) else { return nil }
    guard command.fingerprint == key.fingerprint else { throw Problem.idempotencyKeyReused }
    return command.answer
  }

  package func remember(_ answer: String, as key: CommandKey) throws {
    try self.remember(
      RememberedCommand(fingerprint: key.fingerprint, answer: answer), as: key)
  }
}

/// A remembered answer is not what this core writes: the store was changed from outside.
///
/// It says nothing of what the answer was: errors go to the log, and answers have names in them
/// (trap T28).
package struct UnreadableAnswer: Error, Hashable {
  /// UTF-8 bytes of the answer.
  package let byteCount: Int

  package init(_ answer: String) {
    self.byteCount = answer.utf8.count
  }
}
