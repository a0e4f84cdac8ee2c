/// What carries a message to a person.
package protocol AlertSender: Sendable {
  /// May be asked again with the same alert when a crash lost the success; `alert.id` tells.
  ///
  /// - Throws: When the message did not go out; it is tried again later.
  func send(_ alert: Alert) async throws
}
