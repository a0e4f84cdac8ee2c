/// What a balanced client needs of the client of one endpoint.
package protocol EndpointChannel: RPCChannel {
  /// Returns when the server can be reached. Throws when the channel shuts down first, or the task
  /// is cancelled.
  func becomeReady() async throws

  /// Takes no more calls; those in flight are answered.
  func shutdown()
}

extension RPCClient: EndpointChannel {
  package func becomeReady() async throws {
    _ = try await self.methods(options: CallOptions(timeout: nil, waitForReady: true))
  }
}
