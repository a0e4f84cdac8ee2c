import AccessTokens
import ArgumentParser
import Foundation
import JSON
import Kernel
import SugangServices

/// `sugang token`: a token for development, signed by a key of this machine's.
struct TokenCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "token",
    abstract: "Make a token for development, and the keys for it.",
    discussion: """
      The first time it makes the keys in --folder: private.pem, which signs tokens,
      and jwks.json for 'sugang up --auth-jwks'. Prints the token alone.
      In production an authorization server makes tokens, and has the private key.

      Examples:
        sugang up --auth-jwks auth-keys/jwks.json
        curl -H "Authorization: Bearer $(sugang token john-doe)" localhost:8088/classes
        sugang token hong-gil-dong --role instructor
        sugang token admin --role operator --minutes 5
      """)

  @Argument(help: "Whom the token names: the student or the teacher, as in a class or a course.")
  var subject: String

  @Option(
    help: ArgumentHelp(
      "student, instructor or operator; may be given more than once (default: student)."))
  var role: [String] = []

  @Option(help: ArgumentHelp("Where the keys are.", valueName: "folder"))
  var folder = "auth-keys"

  @Option(help: ArgumentHelp("How long the token is good.", valueName: "minutes"))
  var minutes = 60

  @Option(help: "Who issues it.")
  var issuer = AuthenticationSettings.defaultIssuer

  @Option(help: "Whom it is for.")
  var audience = AuthenticationSettings.defaultAudience

  func validate() throws {
    guard (1...1_440).contains(self.minutes) else {
      throw ValidationError("--minutes is from 1 to 1440, not \(self.minutes).")
    }
    let rule = TextRule("the subject", length: 1...Subject.maxNameLength)
    if let problem = rule.check(self.subject) {
      throw ValidationError("\(problem.field) \(problem.reason).")
    }
    for name in self.role where Role(rawValue: name) == nil {
      let known = Role.allCases.map(\.rawValue).joined(separator: ", ")
      throw ValidationError("there is no role '\(name)'; give one of \(known).")
    }
  }

  func run() async throws {
    let key = try SigningKeyFolder(path: self.folder).key()
    let roles = self.role.isEmpty ? [.student] : self.role.compactMap(Role.init(rawValue:))
    Console.print(
      try key.token(
        for: Subject(name: self.subject, roles: Set(roles)),
        AccessTokenVerifier.Rules(issuer: self.issuer, audience: self.audience),
        at: SystemWallClock().now(),
        lifetime: Int64(self.minutes) * 60))
  }
}

/// A folder with a private key and the JWK Set that goes with it.
struct SigningKeyFolder {
  let path: String

  private var privateFile: String { self.path + "/private.pem" }
  private var publicFile: String { self.path + "/jwks.json" }

  /// The key of the folder, made now if there is none.
  func key() throws(CommandFailure) -> SigningKey {
    let files = FileManager.default
    do {
      if !files.fileExists(atPath: self.privateFile) { try self.make() }
      let pem = try String(contentsOfFile: self.privateFile, encoding: .utf8)
      return try SigningKey(pem: pem)
    } catch let error as KeyFileError {
      throw CommandFailure("'\(self.privateFile)' \(error.reason)")
    } catch {
      throw CommandFailure("the keys in '\(self.path)' cannot be used: \(error)")
    }
  }

  private func make() throws {
    let key = SigningKey()
    let files = FileManager.default
    try files.createDirectory(
      atPath: self.path, withIntermediateDirectories: true,
      attributes: [.posixPermissions: 0o700])
    // Its own before it has anything in it.
    guard
      files.createFile(
        atPath: self.privateFile, contents: nil, attributes: [.posixPermissions: 0o600])
    else { throw CommandFailure("'\(self.privateFile)' cannot be written") }
    try Data(key.pem.utf8).write(to: URL(filePath: self.privateFile))
    try Data(key.jwks.bytes(.pretty)).write(to: URL(filePath: self.publicFile))
    Console.note("made \(self.privateFile) and \(self.publicFile)")
  }
}
