import ArgumentParser
import Foundation
import HTTPClientKit
import JSON
import SystemHarness

/// The seed's own load tests, with the seed's own tool.
struct SiegeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "siege",
    abstract: "Run the seed's siege commands and print them beside the seed's figures.",
    discussion: "Needs Debian's siege. Every request of the first two has the same body.")

  /// A run as the seed did it, and what it measured.
  private struct Run {
    let name: String
    let clients: Int
    let seconds: Int
    let path: String
    let body: String
    let seedAvailability: Double
    let seedRate: Double
  }

  @OptionGroup var timing: TimingOptions

  @Option(help: "Shorter runs: at most so many seconds each.")
  var atMostSeconds = 120

  func run() async throws {
    guard await Command.isThere("siege") else {
      throw ValidationError("siege is missing: apt-get install siege")
    }
    var verdict = Verdict(judgesTimes: !self.timing.untimed)
    let system = try await RunningSugang.start()
    let course = try await self.registerCourse(system)
    let enrollment =
      #"{"courseId":\#(course),"fee":10000,"student":"gil-dong","textBook":"eng_book"}"#
    let runs = [
      Run(
        name: "A one replica each", clients: 50, seconds: 30, path: "/classes", body: enrollment,
        seedAvailability: 29.04, seedRate: 13.64),
      Run(
        name: "B ten replicas", clients: 50, seconds: 30, path: "/classes", body: enrollment,
        seedAvailability: 97.21, seedRate: 65.73),
      Run(
        name: "D new courses", clients: 100, seconds: 120, path: "/courses",
        body: #"{"name":"english","teacher":"hong","fee":10000,"textBook":"eng_book"}"#,
        seedAvailability: 100, seedRate: 331.39),
    ]
    print("run                  command           seed              here")
    for run in runs {
      let seconds = min(run.seconds, self.atMostSeconds)
      let (availability, rate, failed) = try await self.siege(run, seconds, system)
      print(
        run.name.padding(toLength: 21, withPad: " ", startingAt: 0)
          + "-c\(run.clients) -t\(seconds)S".padding(toLength: 18, withPad: " ", startingAt: 0)
          + "\(run.seedAvailability) %, \(run.seedRate)/s"
          .padding(toLength: 18, withPad: " ", startingAt: 0)
          + "\(availability) %, \(rate)/s, \(failed) failed")
      verdict.expect(availability == 100 && failed == 0, "all of it is answered")
      verdict.expectInTime(rate > run.seedRate, "at more than the seed's rate")
    }
    try await eventually("the books balance", within: .seconds(120)) {
      try await BooksBalance(of: system).problems().isEmpty
    }
    verdict.expect(true, "the books balance afterwards")
    try await system.stop()
    try verdict.finish()
  }

  /// The same student again and again: the course must allow it.
  private func registerCourse(_ system: RunningSugang) async throws -> Int64 {
    let answer = try await system.http.request(
      "POST", "/courses",
      body: #"""
        {"name":"english","teacher":"hong","fee":10000,"textBook":"eng_book","maxPerStudent":0}
        """#)
    guard answer.status == 201 else { throw SystemTestFailure(answer.text) }
    return try RunningSugang.id(answer.json)
  }

  private func siege(
    _ run: Run, _ seconds: Int, _ system: RunningSugang
  ) async throws -> (availability: Double, rate: Double, failed: Int) {
    let home = FileManager.default.temporaryDirectory.appending(path: "siege-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: home, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: home) }
    // HOME: siege writes its configuration there.
    let text = try await Command.run(
      "siege",
      [
        "-c\(run.clients)", "-t\(seconds)S", "-b", "--content-type", "application/json",
        "http://127.0.0.1:\(system.http.port)\(run.path) POST \(run.body)",
      ],
      within: .seconds(seconds + 60), environment: ["HOME": home.path])
    guard let availability = Self.number("availability", in: text),
      let rate = Self.number("transaction_rate", in: text),
      let failed = Self.number("failed_transactions", in: text)
    else { throw SystemTestFailure("siege says something else: \(text)") }
    return (availability, rate, Int(failed))
  }

  /// siege 4.1 prints JSON, 4.0 a table: `"availability": 100.00` or `Availability: 100.00 %`.
  private static func number(_ name: String, in text: String) -> Double? {
    for line in text.split(separator: "\n") {
      let parts = line.split(separator: ":", maxSplits: 1)
      guard parts.count == 2,
        parts[0].lowercased().filter({ $0 != "\"" && $0 != "\t" })
          .trimmingCharacters(in: .whitespaces).replacing(" ", with: "_") == name
      else { continue }
      let digits = parts[1].trimmingCharacters(in: .whitespaces)
        .prefix { $0.isNumber || $0 == "." }
      return Double(digits)
    }
    return nil
  }
}
