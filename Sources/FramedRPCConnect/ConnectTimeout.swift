import FramedRPC

/// `Connect-Timeout-Ms`.
enum ConnectTimeout {
  /// How long the client waits, nil when it does not say. 0 is a time that has passed.
  ///
  /// - Throws: ``RPCError`` invalid argument for anything but 1 to 10 digits.
  static func ofRequest(_ request: ConnectRequest) throws(RPCError) -> Duration? {
    guard let text = request.header("connect-timeout-ms") else { return nil }
    guard (1...10).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      let milliseconds = Int64(text)
    else {
      throw RPCError(
        .invalidArgument,
        "Connect-Timeout-Ms is a number of 1 to 10 digits, not "
          + "\(text.prefix(32))", notProcessed: true)
    }
    return .milliseconds(milliseconds)
  }
}
