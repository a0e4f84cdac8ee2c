import FramedRPC

/// The token between services, and of this program's own calls.
///
/// Only an environment variable: everybody on the machine can read a command line.
enum RPCToken {
  static let variable = "SUGANG_RPC_TOKEN"
  /// Fewer characters could be guessed.
  static let minLength = 16

  /// nil when none is set.
  static func fromEnvironment() throws(CommandFailure) -> String? {
    guard let token = Environment[Self.variable], !token.isEmpty else { return nil }
    guard BearerToken.isToken(token), token.utf8.count >= Self.minLength else {
      throw CommandFailure(
        "\(Self.variable) is not a token: \(Self.minLength) or more letters, digits and -._~+/")
    }
    return token
  }
}

extension RPCChannel {
  /// Sends the token of the environment, when there is one, with calls that have none.
  func withToken() throws(CommandFailure) -> any RPCChannel {
    let token = try RPCToken.fromEnvironment()
    return self.intercepted(by: token.map { [BearerToken($0)] } ?? [])
  }
}
