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
      rules, then all that follows from the payment), and pgbench doing only the writes: insert \
      class; insert payment and outbox; update class and outbox; three commits. Needs Debian's \
      postgresql.
      """)

  @Option(help: "How long each turn lasts, in seconds.")
  var seconds = 10

  @Option(help: "How many clients.")
  var clients = 64

  @Option(help: "How many turns.")
  var rounds = 3

  private static let longestP99 = 100.0

  func run() async throws {
    var verdict = Verdict()
    let postgres = try await PostgresCluster.start()
    let system = try await RunningSugang.start()
    var ratios: [Double] = []
    var slowest = 0.0
    print("round  sugang/s  p99 ms  pgbench/s  p99 ms  ratio")
    for round in 1...self.rounds {
      let ours = try await self.enroll(system)
      let theirs = try await postgres.bench(clients: self.clients, seconds: self.seconds)
      ratios.append(ours.rate / theirs.rate)
      slowest = max(slowest, ours.p99)
      print(
        String(
          format: "%5d  %8.0f  %6.1f  %9.0f  %6.1f  %5.2f", round, ours.rate, ours.p99,
          theirs.rate, theirs.p99, ours.rate / theirs.rate))
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

  private func enroll(_ system: RunningSugang) async throws -> (rate: Double, p99: Double) {
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
        .flatMap({ Double($0) })
    else { throw SystemTestFailure("bench enroll says something else: \(text)") }
    return (rate, p99)
  }

  static func words(after start: String, in text: String) -> [Substring] {
    for line in text.split(separator: "\n") where line.hasPrefix(start) {
      return line.dropFirst(start.count).split(separator: " ")
    }
    return []
  }
}

/// A PostgreSQL of its own in a temporary folder, with its defaults: fsync and synchronous commit
/// are on.
private struct PostgresCluster {
  private let folder: URL
  private let asPostgres: [String]
  private let port: Int

  private static let schema = """
    CREATE TABLE class (id BIGSERIAL PRIMARY KEY, course_id BIGINT NOT NULL, fee BIGINT NOT NULL,
      text_book TEXT NOT NULL, student TEXT NOT NULL, status TEXT NOT NULL, accepted_at BIGINT);
    CREATE UNIQUE INDEX active_class ON class (course_id, student)
      WHERE status IN ('PENDING', 'REGISTERED');
    CREATE TABLE payment (id BIGSERIAL PRIMARY KEY, class_id BIGINT UNIQUE, course_id BIGINT,
      fee BIGINT, student TEXT, text_book TEXT, status TEXT);
    CREATE TABLE outbox (sequence BIGSERIAL PRIMARY KEY, type TEXT, subject TEXT, time BIGINT,
      data BYTEA);
    """

  private static let enrollment = """
    \\set number random(1, 1000000000000)
    BEGIN;
    INSERT INTO class (course_id, fee, text_book, student, status, accepted_at)
      VALUES (1, 10000, 'kor_book', 'student-' || :client_id || '-' || :number, 'PENDING', 1)
      RETURNING id AS class_id \\gset
    COMMIT;
    BEGIN;
    INSERT INTO payment (class_id, course_id, fee, student, text_book, status)
      VALUES (:class_id, 1, 10000, 'student', 'kor_book', 'PAYMENT_COMPLETED');
    INSERT INTO outbox (type, subject, time, data)
      VALUES ('PaymentApproved', 'class', 1, decode(repeat('00', 64), 'hex'));
    COMMIT;
    BEGIN;
    UPDATE class SET status = 'REGISTERED' WHERE id = :class_id;
    INSERT INTO outbox (type, subject, time, data)
      VALUES ('ClassRegistered', 'class', 1, decode(repeat('00', 64), 'hex'));
    COMMIT;

    """

  static func start() async throws -> PostgresCluster {
    let programs = try FileManager.default.contentsOfDirectory(atPath: "/usr/lib/postgresql")
    guard let version = programs.sorted().last else {
      throw ValidationError("PostgreSQL is missing: apt-get install postgresql")
    }
    let folder = FileManager.default.temporaryDirectory.appending(
      path: "pgbench-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    // initdb refuses to run as root.
    let asPostgres = geteuid() == 0 ? ["runuser", "-u", "postgres", "--"] : []
    if geteuid() == 0 { try await Command.run("chown", ["postgres", folder.path]) }
    let cluster = PostgresCluster(
      folder: folder, asPostgres: asPostgres, port: Int.random(in: 20_000...29_999))
    let bin = "/usr/lib/postgresql/\(version)/bin"
    try await cluster.run("\(bin)/initdb", ["-D", folder.path + "/data", "-A", "trust"])
    try await cluster.run(
      "\(bin)/pg_ctl",
      [
        "-D", folder.path + "/data", "-w", "-l", folder.path + "/log", "-o",
        "-p \(cluster.port) -k \(folder.path) -c listen_addresses='' -c max_connections=200",
        "start",
      ])
    try await cluster.run("psql", cluster.connection + ["-c", Self.schema])
    try Self.enrollment.write(
      toFile: folder.path + "/enrollment.sql", atomically: true, encoding: .utf8)
    return cluster
  }

  private var connection: [String] {
    ["-h", self.folder.path, "-p", "\(self.port)", "-d", "postgres"]
  }

  func bench(clients: Int, seconds: Int) async throws -> (rate: Double, p99: Double) {
    let text = try await self.run(
      "pgbench",
      [
        "-n", "-M", "prepared", "-c", "\(clients)", "-j", "2", "-T", "\(seconds)", "-l",
        "--log-prefix", self.folder.path + "/times", "-f", self.folder.path + "/enrollment.sql",
      ] + self.connection, within: .seconds(seconds + 60))
    guard let rate = SpeedCommand.words(after: "tps = ", in: text).first.flatMap({ Double($0) })
    else { throw SystemTestFailure("pgbench says something else: \(text)") }
    return (rate, try self.p99())
  }

  /// From pgbench's log: client, number, microseconds, …; the logs are read once.
  private func p99() throws -> Double {
    var times: [Double] = []
    for name in try FileManager.default.contentsOfDirectory(atPath: self.folder.path)
    where name.hasPrefix("times") {
      let path = self.folder.path + "/" + name
      for line in try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n") {
        let words = line.split(separator: " ")
        if words.count > 2, let time = Double(words[2]) { times.append(time / 1000) }
      }
      try FileManager.default.removeItem(atPath: path)
    }
    times.sort()
    return times.isEmpty ? 0 : times[min(times.count - 1, times.count * 99 / 100)]
  }

  func stop() async throws {
    let programs = try FileManager.default.contentsOfDirectory(atPath: "/usr/lib/postgresql")
    try await self.run(
      "/usr/lib/postgresql/\(programs.sorted().last ?? "")/bin/pg_ctl",
      ["-D", self.folder.path + "/data", "-m", "fast", "-w", "stop"])
    try FileManager.default.removeItem(at: self.folder)
  }

  @discardableResult
  private func run(
    _ program: String, _ arguments: [String], within limit: Duration = .seconds(60)
  ) async throws -> String {
    let words = self.asPostgres + [program] + arguments
    return try await Command.run(words[0], Array(words.dropFirst()), within: limit)
  }
}
