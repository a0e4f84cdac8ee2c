import ArgumentParser
import Foundation
import HTTPClientKit
import SystemHarness

/// Durable enrollments beside PostgreSQL doing the same writes on the same disk.
struct SpeedCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "speed",
    abstract: "Durable enrollments a second through REST beside pgbench.",
    discussion: """
      In turns, on the same disk: enrollments through the gateway (HTTP, two RPC hops, the course's \
      rules), and pgbench doing only the writes: insert class; insert payment and outbox; update \
      class and outbox; three commits. What follows from a payment (points, gifts, alerts, my page), \
      which pgbench does not do, may wait while students do; "with all" counts the time until my \
      page shows it. Needs Debian's postgresql.
      """)

  @Option(help: "How long each turn lasts, in seconds.")
  var seconds = 10

  @Option(help: "How many clients.")
  var clients = 64

  @Option(help: "How many turns.")
  var rounds = 3

  private static let longestP99 = 100.0
  /// What each client of pgbench does in about a second with 64 of them on two cores.
  private static let transactionsASecond = 16

  func run() async throws {
    var verdict = Verdict()
    let postgres = try await PostgresCluster.start()
    let system = try await RunningSugang.start(flags: [
      "--background-followers", "--event-delay-seconds", "2",
    ])
    var ratios: [Double] = []
    var slowest = 0.0
    print("round  sugang/s  p99 ms  with all/s  pgbench/s  p99 ms  ratio")
    for round in 1...self.rounds {
      let ours = try await self.enroll(system)
      let theirs = try await postgres.bench(
        clients: self.clients, transactions: self.seconds * Self.transactionsASecond)
      ratios.append(ours.rate / theirs.rate)
      slowest = max(slowest, ours.p99)
      print(
        String(
          format: "%5d  %8.0f  %6.1f  %10.0f  %9.0f  %6.1f  %5.2f", round, ours.rate, ours.p99,
          ours.rateWithAll, theirs.rate, theirs.p99, ours.rate / theirs.rate))
    }
    let ratio = ratios.sorted()[ratios.count / 2]
    verdict.expect(
      ratio >= 2, String(format: "at least twice pgbench: %.2f times (the median)", ratio))
    verdict.expect(
      slowest <= Self.longestP99, String(format: "p99 at most 100 ms: %.1f ms", slowest))
    try await system.stop()
    try await postgres.stop()
    try verdict.finish()
  }

  /// Enrollments a second while the clients began new ones, and with the time until my page shows
  /// all; milliseconds.
  private func enroll(
    _ system: RunningSugang
  ) async throws -> (rate: Double, p99: Double, rateWithAll: Double) {
    let text = try await Command.run(
      RunningSugang.executable,
      [
        "bench", "enroll", "--port", "\(system.http.port)", "--clients", "\(self.clients)",
        "--seconds", "\(self.seconds)",
      ], within: .seconds(self.seconds + 150))
    guard
      let rate = Self.words(after: "enrollments per second", in: text).first.flatMap({ Double($0) }
      ),
      let p99 = Self.words(after: "p50 / p90 / p99 / max", in: text).dropFirst(6).first
        .flatMap({ Double($0) }),
      let wait = Self.words(after: "my page shows all after", in: text).first
        .flatMap({ Double($0) })
    else { throw SystemTestFailure("bench enroll says something else: \(text)") }
    let seconds = Double(self.seconds)
    return (rate, p99, rate * seconds / (seconds + wait / 1000))
  }

  static func words(after start: String, in text: String) -> [Substring] {
    for line in text.split(separator: "\n") where line.hasPrefix(start) {
      return line.dropFirst(start.count).split(separator: " ")
    }
    return []
  }
}
