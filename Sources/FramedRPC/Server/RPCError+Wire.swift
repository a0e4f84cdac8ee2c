extension RPCError {
  /// The metadata key of ``reason``.
  static let reasonKey: StaticString = "reason"

  /// The reason, then as much of the metadata as still fits: more would end the connection.
  var wireMetadata: RPCMetadata {
    guard let reason = self.reason else { return self.metadata }
    var metadata = RPCMetadata()
    metadata.appendTrusted(Self.reasonKey, reason)
    for entry in self.metadata.entries where entry.key != "\(Self.reasonKey)" {
      try? metadata.append(entry.key, entry.value)
    }
    return metadata
  }
}
