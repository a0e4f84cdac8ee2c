import AccessTokens
import Kernel

/// Why the verifier refuses the token; nil when it does not.
func refusal(_ verifier: AccessTokenVerifier, _ token: String) async -> String? {
  do {
    _ = try await verifier.subject(of: token)
    return nil
  } catch {
    return (error as? InvalidToken)?.reason ?? "\(error)"
  }
}
