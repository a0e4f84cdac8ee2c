import Foundation
import SystemHarness

/// A PostgreSQL of its own in a temporary folder, with its defaults: fsync and synchronous commit
/// are on.
struct PostgresCluster {
  private let folder: URL
  private let port: Int
  private let server: SendableProcess

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

  /// Returns when it takes connections.
  static func start() async throws -> PostgresCluster {
    let programs = try FileManager.default.contentsOfDirectory(atPath: "/usr/lib/postgresql")
    guard let version = programs.sorted().last else {
      throw SystemTestFailure("PostgreSQL is missing: apt-get install postgresql")
    }
    let bin = "/usr/lib/postgresql/\(version)/bin"
    let folder = FileManager.default.temporaryDirectory.appending(
      path: "pgbench-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    if geteuid() == 0 { try await Command.run("chown", ["postgres", folder.path]) }
    try await Self.run("\(bin)/initdb", ["-D", folder.path + "/data", "-A", "trust"])
    let port = Int.random(in: 20_000...29_999)
    let log = folder.path + "/log"
    guard FileManager.default.createFile(atPath: log, contents: nil),
      let output = FileHandle(forWritingAtPath: log)
    else { throw SystemTestFailure("cannot write \(log)") }
    // In the foreground: a daemon would keep what it inherits open.
    let server = try SendableProcess(
      "/usr/bin/env",
      Self.asPostgres + [
        "\(bin)/postgres", "-D", folder.path + "/data", "-p", "\(port)", "-k", folder.path, "-c",
        "listen_addresses=", "-c", "max_connections=200",
      ], outputFile: output)
    let cluster = PostgresCluster(folder: folder, port: port, server: server)
    try await eventually("PostgreSQL takes connections") {
      (try? await Self.run("pg_isready", cluster.connection)) != nil
    }
    try await Self.run("psql", cluster.connection + ["-c", Self.schema])
    try Self.enrollment.write(
      toFile: folder.path + "/enrollment.sql", atomically: true, encoding: .utf8)
    return cluster
  }

  /// It refuses to run as root.
  private static var asPostgres: [String] {
    geteuid() == 0
      ? ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups"] : []
  }

  private var connection: [String] {
    ["-h", self.folder.path, "-p", "\(self.port)", "-U", "postgres"]
  }

  /// - Parameter transactions: how many each client makes. Not a time: pgbench's timer is a signal
  ///   that children of a thread pool have blocked.
  func bench(clients: Int, transactions: Int) async throws -> (rate: Double, p99: Double) {
    let text = try await Self.run(
      "pgbench",
      [
        "-n", "-M", "prepared", "-c", "\(clients)", "-j", "2", "-t", "\(transactions)", "-l",
        "--log-prefix", self.folder.path + "/times", "-f", self.folder.path + "/enrollment.sql",
      ] + self.connection, within: .seconds(300))
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
    // Fast shutdown.
    self.server.signal(SIGINT)
    try await eventually("PostgreSQL ends") { !self.server.isRunning }
    try FileManager.default.removeItem(at: self.folder)
  }

  @discardableResult
  private static func run(
    _ program: String, _ arguments: [String], within limit: Duration = .seconds(60)
  ) async throws -> String {
    let words = self.asPostgres + [program] + arguments
    return try await Command.run(words[0], Array(words.dropFirst()), within: limit)
  }
}
