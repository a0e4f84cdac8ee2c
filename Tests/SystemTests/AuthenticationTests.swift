import AccessTokens
import Foundation
import HTTPClientKit
import JSON
import Kernel
import SystemHarness
import TestSupport
import Testing

@Suite("T22: authentication on real processes", .serialized)
struct AuthenticationTests {
  private static let rules = AccessTokenVerifier.Rules(issuer: "sugang", audience: "sugang")

  /// Where the issuer's keys are, and clients with its tokens.
  private struct Issuer {
    let folder: TemporaryFolder
    let key = SigningKey()

    init() throws {
      self.folder = try TemporaryFolder()
      try Data(self.key.jwks.bytes()).write(to: URL(filePath: self.jwks))
    }

    var jwks: String { self.folder.path + "/jwks.json" }

    func token(
      _ name: String, _ role: Role, lifetime: Int64 = 600, age: Int64 = 0
    ) throws -> String {
      let now = Timestamp(microseconds: Int64(Date().timeIntervalSince1970 * 1_000_000))
      return try self.key.token(
        for: Subject(name: name, roles: [role]), AuthenticationTests.rules,
        at: now.adding(seconds: -age), lifetime: lifetime)
    }
  }

  @Test("a student sees and cancels what is their own, and nothing of another student")
  func owners() async throws {
    let issuer = try Issuer()
    let system = try await RunningSugang.start(
      flags: ["--auth-jwks", issuer.jwks],
      environment: ["SUGANG_RPC_TOKEN": "a-token-of-the-services"])
    let teacher = system.http.bearing(try issuer.token("hong", .instructor))
    let a = system.http.bearing(try issuer.token("student-a", .student))
    let b = system.http.bearing(try issuer.token("student-b", .student))
    let admin = system.http.bearing(try issuer.token("admin", .operator))

    let course = #"{"name":"korean","fee":10000,"textBook":"kor_book"}"#
    #expect(try await a.request("POST", "/courses", body: course).status == 403)
    #expect(try await teacher.request("POST", "/courses", body: course).status == 201)
    let enrolled = try await b.request("POST", "/classes", body: #"{"courseId":1}"#)
    #expect(enrolled.status == 201, "\(enrolled.text)")
    #expect(enrolled.json["student"]?.string == "student-b")
    let named = try await a.request(
      "POST", "/classes", body: #"{"courseId":1,"student":"student-b"}"#)
    #expect(named.status == 403)
    #expect(named.json["code"]?.string == "not-owner")

    let collections = [
      "payments", "deliveries", "points", "gifts", "alerts", "inquiryMypages", "classes",
    ]
    for collection in collections {
      try await eventually("\(collection) has something of B") {
        try await Self.count(collection, admin) > 0
      }
      #expect(try await Self.count(collection, b) > 0, "\(collection)")
      #expect(try await Self.count(collection, a) == 0, "\(collection)")
      let own = try await b.request("GET", "/\(collection)").json["_embedded"]?[collection]?[0]
      let path = "/\(collection)/\(try RunningSugang.id(try #require(own)))"
      #expect(try await b.request("GET", path).status == 200, "\(path)")
      #expect(try await a.request("GET", path).status == 404, "\(path)")
    }
    #expect(try await a.request("DELETE", "/classes/1").status == 404)
    #expect(
      try await a.request("GET", "/points/search/balance?student=student-b").status == 403)
    let connect = try await a.request(
      "POST", "/sugang.enrollment.v1.EnrollmentService/CancelEnrollment", body: #"{"id":"1"}"#)
    #expect(connect.status == 404, "\(connect.text)")
    #expect(try await b.request("GET", "/classes/1").status == 200)
    #expect(try await b.request("DELETE", "/classes/1").status == 204)
    a.close()
    b.close()
    admin.close()
    teacher.close()
    try await system.stop()
  }

  @Test("who shows no good token gets 401 and a challenge, at every REST port")
  func strangers() async throws {
    let issuer = try Issuer()
    let system = try await RunningSugang.start(
      flags: ["--auth-jwks", issuer.jwks],
      environment: ["SUGANG_RPC_TOKEN": "a-token-of-the-services"])
    let pay = HTTPClient(port: 8083 + system.portOffset, deadline: .seconds(20))
    for http in [system.http, pay] {
      let path = "/payments"
      let without = try await http.request("GET", path)
      #expect(without.status == 401)
      #expect(without.header("WWW-Authenticate") == #"Bearer realm="sugang""#)
      #expect(without.json["code"]?.string == "token-missing")

      let claims = try issuer.token("student-a", .student).split(separator: ".")[1]
      let header = Data(#"{"alg":"none","kid":"\#(issuer.key.id)"}"#.utf8).base64EncodedString()
        .replacing("=", with: "")
      let bad = [
        try Issuer().token("student-a", .operator),
        try issuer.token("student-a", .student, lifetime: 60, age: 3600),
        "\(header).\(claims).",
        "no-token",
      ]
      for token in bad {
        let answer = try await http.bearing(token).request("GET", path)
        #expect(answer.status == 401)
        #expect(answer.header("WWW-Authenticate")?.contains(#"error="invalid_token""#) == true)
        #expect(answer.json["code"]?.string == "token-invalid")
      }
      let good = try issuer.token("student-a", .student)
      #expect(try await http.bearing(good).request("GET", path).status == 200)
      #expect(try await http.request("GET", "/livez").status == 200)
    }
    let guards = try await pay.bearing(try issuer.token("student-a", .student))
      .request("GET", "/admin/resilience")
    #expect(guards.status == 403)
    let connect = try await system.http.request(
      "POST", "/sugang.pay.v1.PayService/ListPayments", body: "{}")
    #expect(connect.status == 401)
    #expect(connect.json["code"]?.string == "unauthenticated")
    #expect(connect.header("WWW-Authenticate") != nil)
    pay.close()
    try await system.stop()
  }

  private static func count(_ collection: String, _ http: HTTPClient) async throws -> Int64 {
    let answer = try await http.request("GET", "/\(collection)")
    guard answer.status == 200, let total = answer.json["page"]?["totalElements"]?.int64 else {
      throw SystemTestFailure("\(collection): \(answer.status) \(answer.text.prefix(200))")
    }
    return total
  }

  @Test("'sugang token' makes keys that the services take")
  func tokenCommand() async throws {
    let folder = try TemporaryFolder()
    let keys = folder.path + "/keys"
    let (status, text) = try await CommandLineTests.run(
      ["token", "john-doe", "--role", "student", "--folder", keys], [:])
    #expect(status == 0, "\(text)")
    let attributes = try FileManager.default.attributesOfItem(atPath: keys + "/private.pem")
    #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
    let token = try #require(text.split(whereSeparator: \.isNewline).last.map(String.init))
    let again = try await CommandLineTests.run(
      ["token", "john-doe", "--folder", keys], [:])
    #expect(again.status == 0)
    let verifier = try await AccessTokenVerifier(
      jwks: keys + "/jwks.json", rules: Self.rules, clock: RealClock())
    #expect(
      try await verifier.subject(of: token) == Subject(name: "john-doe", roles: [.student]))
    let wrong = try await CommandLineTests.run(["token", "a", "--role", "king"], [:])
    #expect(wrong.status == 2)
    let open = try await CommandLineTests.run(
      ["serve", "pay", "--host", "0.0.0.0", "--auth-jwks", keys + "/jwks.json"], [:])
    #expect(open.status == 1)
    #expect(open.text.contains("SUGANG_RPC_TOKEN"), "\(open.text)")
  }
}

private struct RealClock: WallClock {
  func now() -> Timestamp {
    Timestamp(microseconds: Int64(Date().timeIntervalSince1970 * 1_000_000))
  }
}
