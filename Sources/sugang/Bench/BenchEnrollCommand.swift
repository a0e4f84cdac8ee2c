import ArgumentParser
import HTTPClientKit
import JSON

/// `sugang bench enroll`: durable enrollments a second through the gateway's REST.
struct BenchEnrollCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "enroll",
    abstract: "Measure durable enrollments per second through a running gateway.",
    discussion: """
      Each client enrolls one new student after the other, over a connection of its own, and waits \
      for each answer. Every counted enrollment is paid and on disk. Afterwards the time is taken \
      until my page shows all of them.

        sugang up & sugang bench enroll --clients 64 --seconds 10
      """)

  @Option(help: "The gateway's host.")
  var host = "127.0.0.1"

  @Option(help: "The gateway's port.")
  var port = 8088

  @Option(help: "How many clients enroll at once.")
  var clients = 64

  @Option(help: "How long they do it, in seconds.")
  var seconds = 10

  @Option(help: "Longest wait for my page to show every class, in seconds.")
  var settleSeconds = 120

  func validate() throws {
    guard self.clients > 0, self.seconds > 0 else {
      throw ValidationError("--clients and --seconds must be above 0")
    }
  }

  func run() async throws {
    let http = HTTPClient(host: self.host, port: self.port)
    let run = String(UInt64.random(in: 0...UInt64.max), radix: 36)
    let courseID = try await self.registerCourse(http)
    let rowsBefore = try await self.myPageRows(http)
    let tally = try await EnrollLoad(
      host: self.host, port: self.port, courseID: courseID, name: run,
      duration: .seconds(self.seconds)
    ).run(clients: self.clients)
    tally.printReport(clients: self.clients, seconds: self.seconds)
    try await self.awaitMyPage(http, rows: rowsBefore + tally.registered)
  }

  private func registerCourse(_ http: HTTPClient) async throws -> Int64 {
    let answer: HTTPResponse
    do {
      answer = try await http.request(
        "POST", "/courses",
        body: #"{"name":"bench","teacher":"bench","fee":10000,"textBook":"bench_book"}"#)
    } catch {
      throw CommandFailure(
        """
        no gateway answers at \(self.host):\(self.port): \(error)
          'sugang up' starts the system
        """)
    }
    guard answer.status == 201, let location = answer.header("Location"),
      let id = location.split(separator: "/").last.flatMap({ Int64($0) })
    else {
      throw CommandFailure(
        "\(self.host):\(self.port) did not register a course: \(answer.status) \(answer.text)")
    }
    return id
  }

  private func myPageRows(_ http: HTTPClient) async throws -> Int {
    let answer = try await http.request("GET", "/inquiryMypages?size=1")
    return Int(answer.json["page"]?["totalElements"]?.int64 ?? 0)
  }

  private func awaitMyPage(_ http: HTTPClient, rows: Int) async throws {
    let start = ContinuousClock.now
    var seen = 0
    while ContinuousClock.now - start < .seconds(self.settleSeconds) {
      seen = try await self.myPageRows(http)
      if seen >= rows {
        print("my page shows all after  \(formatted(ContinuousClock.now - start))")
        return
      }
      try await Task.sleep(for: .milliseconds(100))
    }
    print("my page shows only \(seen) of \(rows) classes after \(self.settleSeconds) s")
    throw ExitCode.failure
  }
}

/// What the clients saw.
struct EnrollTally: Sendable {
  private var statuses: [Int: Int] = [:]
  private var failures: [String: Int] = [:]
  private var latencies: [Duration] = []

  var registered: Int { self.statuses[201] ?? 0 }

  mutating func answered(_ status: Int, after latency: Duration) {
    self.latencies.append(latency)
    self.statuses[status, default: 0] += 1
  }

  mutating func failed(_ how: String) {
    self.failures[how, default: 0] += 1
  }

  func printReport(clients: Int, seconds: Int) {
    let sorted = self.latencies.sorted()
    func percentile(_ share: Double) -> String {
      guard !sorted.isEmpty else { return "-" }
      return formatted(sorted[min(sorted.count - 1, Int(share * Double(sorted.count)))])
    }
    print("clients                  \(clients)")
    print("enrollments per second   \(self.registered / seconds)")
    print(
      "p50 / p90 / p99 / max    \(percentile(0.5)) / \(percentile(0.9)) / "
        + "\(percentile(0.99)) / \(percentile(1))")
    for (status, count) in self.statuses.sorted(by: { $0.key < $1.key }) {
      print("status \(status)               \(count)")
    }
    for (failure, count) in self.failures.sorted(by: { $0.value > $1.value }) {
      print("failed                   \(count) × \(failure)")
    }
  }
}

/// Milliseconds with two digits behind the point.
private func formatted(_ duration: Duration) -> String {
  let hundredths = Int64((duration / .microseconds(10)).rounded())
  let fraction = hundredths % 100
  return "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction) ms"
}
