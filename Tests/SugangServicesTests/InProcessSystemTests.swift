import AccessTokens
import Contracts
import Foundation
import FramedRPC
import HTTPClientKit
import JSON
import Kernel
import Logging
import NIOPosix
import SugangServices
import TestSupport
import Testing

/// What a team does that drives Sugang inside its own tests.
@Suite("The harness: all services in this process")
struct InProcessSystemTests {
  @Test(
    "a student enrolls and cancels, and a restart finds everything, also with one call at a time",
    arguments: [ServiceSettings.standardAdmission, ServiceSettings.fixedAdmission(1)])
  func story(admission: AdmissionPolicy) async throws {
    let folder = try TemporaryFolder()
    let settings = ServiceSettings(dataFolder: folder.path, admission: admission)
    var system = try await InProcessSystem.start(settings: settings, logger: Self.quiet)
    var http = try Self.gateway(of: system)
    let course = try await http.request(
      "POST", "/courses",
      body: #"{"name":"korean","teacher":"hong","fee":10000,"textBook":"kor_book"}"#)
    #expect(course.status == 201)
    let port = try #require(system.restPorts[.gateway])
    #expect(course.header("Location") == "http://localhost:\(port)/courses/1")
    #expect(
      course.json["_links"]?["self"]?["href"] == .string("http://localhost:\(port)/courses/1"))
    let enrolled = try await http.request(
      "POST", "/classes", body: #"{"courseId":1,"fee":10000,"student":"john-doe"}"#)
    #expect(enrolled.status == 201)
    try await Self.myPage(http) { row in
      row["paymentStatus"]?.string == "PAYMENT_COMPLETED"
        && row["deliveryStatus"]?.string == "DELIVERY_START"
        && row["cashpoint"]?.int64 == 100 && row["giftstock"]?.int64 == 1
    }
    try await Self.expectLedgers(http, points: [100], gifts: [1])
    http.close()
    try await system.stop()

    system = try await InProcessSystem.start(settings: settings, logger: Self.quiet)
    http = try Self.gateway(of: system)
    #expect(try await http.request("DELETE", "/classes/1").status == 204)
    try await Self.myPage(http) { row in
      row["status"]?.string == "CLASS_CANCELED"
        && row["paymentStatus"]?.string == "PAYMENT_CANCELED"
        && row["deliveryStatus"]?.string == "DELIVERY_CANCELED"
        && row["cashpoint"]?.int64 == 0 && row["giftstock"]?.int64 == 0
    }
    try await Self.expectLedgers(http, points: [100, -100], gifts: [1, -1])
    http.close()
    try await system.stop()
  }

  /// T39: the ledgers have these lines of class 1, and the student's balances are their sums.
  private static func expectLedgers(
    _ http: HTTPClient, points: [Int64], gifts: [Int64]
  ) async throws {
    for (ledger, total, lines) in [("point", "cashpoint", points), ("gift", "giftstock", gifts)] {
      let entries = try await http.request(
        "GET", "/\(ledger)s/search/findEntriesByClassId?classId=1")
      let found = entries.json["_embedded"]?["\(ledger)Entries"]?.array?.compactMap {
        $0["\(ledger)s"]?.int64
      }
      #expect(found == lines)
      let balance = try await http.request(
        "GET", "/\(ledger)s/search/balance?student=john-doe")
      #expect(balance.json[total]?.int64 == lines.reduce(0, +))
    }
  }

  @Test("links name the public address when there is one")
  func publicAddress() async throws {
    let folder = try TemporaryFolder()
    let settings = ServiceSettings(
      dataFolder: folder.path, publicBaseURL: "https://sugang.example/")
    let system = try await InProcessSystem.start(settings: settings, logger: Self.quiet)
    let http = try Self.gateway(of: system)
    let index = try await http.request("GET", "/")
    #expect(index.text.contains("https://sugang.example/courses"))
    #expect(!index.text.contains("localhost"))
    http.close()
    try await system.stop()
  }

  @Test("a second system on the same data is refused")
  func oneOwner() async throws {
    let folder = try TemporaryFolder()
    let settings = ServiceSettings(dataFolder: folder.path)
    let system = try await InProcessSystem.start(settings: settings, logger: Self.quiet)

    await #expect(throws: (any Error).self) {
      _ = try await InProcessSystem.start(settings: settings, logger: Self.quiet)
    }

    try await system.stop()
  }

  @Test(
    "new keys for tokens are taken up while the system runs, as by the real processes",
    .timeLimit(.minutes(2)))
  func newKeys() async throws {
    let folder = try TemporaryFolder()
    let jwks = folder.path + "/jwks.json"
    let (old, new) = (SigningKey(), SigningKey())
    func write(_ key: SigningKey) throws {
      try Data(key.jwks.bytes()).write(to: URL(filePath: jwks), options: .atomic)
    }
    try write(old)
    let (messages, message) = AsyncStream.makeStream(of: String.self)
    let system = try await InProcessSystem.start(
      settings: ServiceSettings(
        dataFolder: folder.path, authentication: AuthenticationSettings(jwksFile: jwks)),
      logger: Logger(label: "test") { _ in MessageStream(messages: message) })
    let http = try Self.gateway(of: system)
    func status(_ key: SigningKey) async throws -> Int {
      let token = try key.token(
        for: Subject(name: "john-doe", roles: [.student]),
        AccessTokenVerifier.Rules(issuer: "sugang", audience: "sugang"),
        at: SystemWallClock().now(), lifetime: 600)
      return try await http.bearing(token).request("GET", "/classes").status
    }
    #expect(try await status(old) == 200)
    #expect(try await status(new) == 401)
    try write(new)
    let isRead = await messages.contains("the keys for tokens were read again")
    #expect(isRead)
    #expect(try await status(new) == 200)
    #expect(try await status(old) == 401)
    http.close()
    try await system.stop()
  }

  @Test("T14: every service but the gateway, which takes no events, shows what it parked")
  func inboxes() async throws {
    let folder = try TemporaryFolder()
    let system = try await InProcessSystem.start(
      settings: ServiceSettings(dataFolder: folder.path), logger: Self.quiet)
    var offering: Set<ServiceName> = []
    for (name, address) in system.rpcAddresses {
      let client = RPCClient(address: address, group: MultiThreadedEventLoopGroup.singleton)
      defer { client.shutdown() }
      do {
        let inbox = EventsV1.EventInboxServiceClient(client)
        let answer = try await inbox.listParked(.init())
        #expect(answer.total == 0)
        offering.insert(name)
      } catch let error as RPCError {
        #expect(error.status == .unimplemented, "\(name): \(error)")
      }
    }
    #expect(offering == Set(ServiceName.allCases).subtracting([.gateway]))
    try await system.stop()
  }

  private static func gateway(of system: InProcessSystem) throws -> HTTPClient {
    HTTPClient(port: try #require(system.restPorts[.gateway]), deadline: .seconds(60))
  }

  /// Waits until the student's one row is as wanted.
  private static func myPage(
    _ http: HTTPClient, is wanted: (JSONValue) -> Bool
  ) async throws {
    let end = ContinuousClock.now + .seconds(60)
    while true {
      let answer = try await http.request(
        "GET", "/inquiryMypages/search/findByClassId?classId=1")
      if let row = answer.json["_embedded"]?["inquiryMypages"]?.array?.first, wanted(row) { return }
      guard ContinuousClock.now < end else {
        Issue.record("not within a minute: \(answer.text)")
        return
      }
      try await Task.sleep(for: .milliseconds(10))
    }
  }

  private static let quiet: Logger = {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    return logger
  }()
}

/// Hands on what is logged.
private struct MessageStream: LogHandler {
  let messages: AsyncStream<String>.Continuation
  var logLevel = Logger.Level.notice
  var metadata: Logger.Metadata = [:]

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { self.metadata[key] }
    set { self.metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    self.messages.yield("\(event.message)")
  }
}
