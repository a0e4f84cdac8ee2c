import HTTPTypes
import Kernel

/// Finds out who sends a request: a bearer token in the header `Authorization` (RFC 6750 §2.1).
/// Nothing else counts, not even a token in the query, which would end up in logs.
struct RESTAuthentication: Sendable {
  private static let scheme = "bearer"

  let verifier: any TokenVerifier

  /// - Throws: ``HTTPProblem`` 401.
  func caller(_ headers: HTTPFields, requestID: String) async throws -> Caller {
    let lines = headers[values: .authorization]
    guard let line = lines.first else { throw HTTPProblem.tokenMissing }
    guard lines.count == 1, let token = Self.token(line) else {
      throw HTTPProblem.tokenInvalid("Authorization is not Bearer and one token")
    }
    do {
      return Caller(try await self.verifier.subject(of: token), requestID: requestID)
    } catch let error as InvalidToken {
      throw HTTPProblem.tokenInvalid(error.reason)
    }
  }

  private static func token(_ line: String) -> String? {
    let parts = line.split(separator: " ")
    guard parts.count == 2, parts[0].lowercased() == self.scheme else { return nil }
    return String(parts[1])
  }
}

extension HTTPProblem {
  /// No error code in the challenge: RFC 6750 §3.1 wants none for who did not try.
  static let tokenMissing = HTTPProblem.unauthenticated(
    code: "token-missing", detail: "the request has no bearer token",
    challenge: #"Bearer realm="sugang""#)

  /// - Parameter reason: printable ASCII without quotes and backslashes.
  static func tokenInvalid(_ reason: String) -> HTTPProblem {
    .unauthenticated(
      code: "token-invalid", detail: reason,
      challenge:
        #"Bearer realm="sugang", error="invalid_token", error_description="\#(reason)""#)
  }

  private static func unauthenticated(
    code: String, detail: String, challenge: String
  ) -> HTTPProblem {
    var problem = HTTPProblem(
      401, code: code, title: "Please say who you are", detail: detail)
    problem.challenge = challenge
    return problem
  }
}
