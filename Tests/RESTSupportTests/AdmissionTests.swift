import HTTPClientKit
import JSON
import NIOCore
import Synchronization
import Testing

@testable import RESTSupport

@Suite("Which requests are let in")
struct AdmissionTests {
  static let refusals: [HTTPProblem] = [
    .overloaded("too much to do", retryAfterSeconds: 2), .tooManyRequests(retryAfterSeconds: 7),
  ]

  @Test("who is not let in gets 503 or 429, when to come again, and a problem", arguments: refusals)
  func refused(problem: HTTPProblem) async throws {
    for door in [Door(atLook: problem), Door(atArrival: problem), Door(atEntry: problem)] {
      try await withToys(admission: door) { client async throws in
        for (verb, body) in [("GET", nil), ("POST", #"{"name":"car","fee":1}"#)]
          as [(String, String?)]
        {
          let response = try await client.request(verb, "/toys", body: body)
          #expect(response.status == problem.status)
          #expect(response.header("Retry-After") == "\(problem.retryAfterSeconds ?? 0)")
          #expect(response.header("Content-Type") == "application/problem+json")
          #expect(response.json["code"]?.string == problem.code)
          #expect(response.json["status"]?.int64 == Int64(problem.status))
        }
        let toys = try await client.request("GET", "/metrics").text
        #expect(toys == "toys 1\n", "nothing was done")
      }
      #expect(door.seen.withLock { $0.left }.isEmpty)
    }
  }

  @Test("who is refused is told before the body comes, and the connection ends")
  func beforeBody() async throws {
    for door in [Door(atLook: Self.refusals[0]), Door(atArrival: Self.refusals[0])] {
      try await withToys(admission: door) { client async throws in
        let head = "POST /toys HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{"
        let response = try await client.exchange(raw: head)
        #expect(response.status == 503)
        #expect(response.header("Connection") == "close")
      }
    }
  }

  @Test("a refusal at the first look is the one that comes later, and the connection stays")
  func early() async throws {
    let answers = Mutex<[[Substring]]>([])
    for door in [Door(atLook: Self.refusals[0]), Door(atArrival: Self.refusals[0])] {
      try await withToys(admission: door) { client async throws in
        let post =
          "POST /toys HTTP/1.1\r\nHost: x\r\nX-Request-Id: a-1\r\nContent-Length: 2\r\n\r\n{}"
        let text = try await converse(
          port: client.port,
          [
            (post, "}"),
            ("HEAD /toys HTTP/1.1\r\nHost: x\r\nX-Request-Id: a-2\r\n\r\n", "\r\n\r\n"),
            (post, "}"),
          ])
        #expect(text.ranges(of: "503 Service Unavailable").count == 3)
        // The order of the headers is no matter, and a 503 needs no date.
        let lines = text.split(separator: "\r\n").filter { !$0.hasPrefix("Date:") }.sorted()
        answers.withLock { $0.append(lines) }
      }
    }
    let (early, late) = answers.withLock { ($0[0], $0[1]) }
    #expect(early == late)
  }

  @Test("answers keep the order of the requests, whoever is refused")
  func pipelined() async throws {
    let door = Door(atLook: Self.refusals[0], atArrival: Self.refusals[0])
    try await withToys(admission: door) { client async throws in
      let text = try await converse(
        port: client.port,
        [
          (
            "GET /toys HTTP/1.1\r\nHost: x\r\n\r\n" + "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
              + "GET /toys HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", nil
          )
        ])
      let statuses = text.split(separator: "HTTP/1.1 ").map { $0.prefix(3) }
      #expect(statuses == ["503", "200", "503"])
    }
    // The first was refused at the first look, the last behind an answer that was still to come.
    #expect(door.seen.withLock { $0.arrivals.count } <= 1)
  }

  @Test("probes and metrics are let in however much there is to do")
  func exempt() async throws {
    let door = Door(atArrival: Self.refusals[0])
    try await withToys(admission: door) { client async throws in
      for path in ["/livez", "/readyz", "/metrics"] {
        #expect(try await client.request("GET", path).status == 200)
      }
      #expect(try await client.request("GET", "/nothing").status == 404)
      #expect(try await client.request("GET", "/toys").status == 503)
    }
    #expect(door.seen.withLock { $0.arrivals.count } == 1)
  }

  @Test("a place is given back however the request ends; only a whole one is measured")
  func givesBack() async throws {
    let door = Door()
    try await withToys(admission: door) { client async throws in
      for (path, status) in [
        ("/toys", 200), ("/toys/99", 404), ("/fail/conflict", 409), ("/fail/other", 500),
      ] {
        #expect(try await client.request("GET", path).status == status)
      }
      // Refused before it would get a place.
      let large = String(repeating: "x", count: 70_000)
      #expect(try await client.request("POST", "/toys", body: large).status == 413)
    }
    let seen = door.seen.withLock { $0 }
    #expect(seen.arrivals.count == 5)
    #expect(seen.entered == 4)
    #expect(seen.left == [true, false, false, false])
  }

  @Test("it is known who asks for what")
  func arrivals() async throws {
    let door = Door()
    try await withToys(admission: door) { client async throws in
      _ = try await client.request("GET", "/toys/1?page=3")
      _ = try await client.request("GET", "/toys/2")
      _ = try await client.request("GET", "/toys")
    }
    let arrivals = door.seen.withLock { $0.arrivals }
    #expect(arrivals.map(\.path) == ["/toys/1", "/toys/2", "/toys"])
    #expect(arrivals.allSatisfy { $0.verb == .get && $0.address == "127.0.0.1" })
    #expect(arrivals[0].route == arrivals[1].route)
    #expect(arrivals[0].route != arrivals[2].route)
  }

  @Test("a route may word the refusal itself")
  func worded() async throws {
    try await withToys(admission: Door(atArrival: Self.refusals[1])) { client async throws in
      let response = try await client.request("POST", "/plain", body: "{}")
      #expect(response.text == "too-many-requests")
    }
  }

  @Test(
    "an IPv6 subscriber is one caller, whatever the address",
    arguments: [
      ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"), ("2001:db8:1:2::9", "2001:db8:1:2::"),
      ("2001:db8::1", "2001:db8:0:0::"), ("::1", "0:0:0:0::"), ("fe80::1%eth0", "fe80:0:0:0::"),
    ])
  func networks(address: String, network: String) {
    #expect(RESTArrival.network(of: address) == network)
  }
}
