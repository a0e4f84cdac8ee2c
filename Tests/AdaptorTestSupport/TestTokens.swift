import HTTPClientKit
import Kernel

/// Tokens that anybody can make: the name, a full stop, and the roles joined by commas.
package struct TestTokens: TokenVerifier {
  package init() {}

  package func subject(of token: String) async throws -> Subject {
    let parts = token.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 2 else { throw InvalidToken("the token is none of a test") }
    let roles = parts[1].split(separator: ",").compactMap { Role(rawValue: String($0)) }
    return Subject(name: String(parts[0]), roles: Set(roles))
  }

  static func token(of subject: Subject) -> String {
    let roles = subject.roles.map(\.rawValue).sorted().joined(separator: ",")
    return "\(subject.name).\(roles)"
  }
}

extension HTTPClient {
  /// A client that shows who `caller` is, this one for a caller who may do everything.
  package func by(_ caller: Caller) -> HTTPClient {
    caller.subject.map { self.bearing(TestTokens.token(of: $0)) } ?? self
  }
}

extension Caller {
  /// Two students, a teacher and an operator for tests of who may do what.
  package static let studentA = Caller(
    Subject(name: "student-a", roles: [.student]), requestID: "request-a")
  package static let studentB = Caller(
    Subject(name: "student-b", roles: [.student]), requestID: "request-b")
  package static let teacher = Caller(
    Subject(name: "teacher", roles: [.instructor]), requestID: "request-t")
  package static let admin = Caller(
    Subject(name: "admin", roles: [.operator]), requestID: "request-o")
}
