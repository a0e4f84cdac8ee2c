import ArgumentParser
import Foundation
import Kernel
import SystemHarness
import TestSupport

/// Every crash point of every service, one after the other.
struct CrashMatrixCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "crash-matrix",
    abstract: "Kill a service at every named point between two durable actions.",
    discussion: """
      For each point a new system is started, students use all of it, the process that comes by the \
      point ends itself with SIGKILL and is started again, and clients that got no answer ask again \
      with the same key. Then the books must balance, everything acknowledged must be there, and \
      every key must give its first answer again. A point that was not reached is a failure.
      """)

  @Option(help: "Only points whose SERVICE/NAME contains this.")
  var only = ""

  @Option(help: "Only every n-th point, beginning with a random one.")
  var every = 1

  func run() async throws {
    let cells = CrashPoint.allCases.flatMap { point in
      point.services.map { Cell(service: $0, point: point) }
    }.filter { self.only.isEmpty || $0.name.contains(self.only) }
    let offset = Int.random(in: 0..<max(self.every, 1))
    let chosen = cells.enumerated().filter { $0.offset % max(self.every, 1) == offset }
      .map(\.element)
    print("service  crash point                        fired  recovered  problems")
    var failures = 0
    for cell in chosen {
      let outcome = await cell.run()
      print(outcome.line(cell))
      for problem in outcome.problems.prefix(5) { print("         \(problem)") }
      failures += outcome.isGood ? 0 : 1
    }
    print("\(chosen.count) of \(cells.count) cells, \(chosen.count - failures) good")
    guard failures == 0 else { throw ExitCode.failure }
  }
}

/// One service killed at one point.
private struct Cell {
  struct Outcome {
    var hasFired = false
    /// From the crash until the books balance.
    var recovery: Duration?
    var problems: [String] = []

    var isGood: Bool { self.hasFired && self.recovery != nil && self.problems.isEmpty }

    func line(_ cell: Cell) -> String {
      func padded(_ text: String, _ width: Int) -> String {
        text.padding(toLength: width, withPad: " ", startingAt: 0)
      }
      return padded(cell.service, 9) + padded(cell.point.rawValue, 35)
        + padded(self.hasFired ? "yes" : "NO", 7)
        + padded(self.recovery.map(milliseconds) ?? "NO", 11)
        + (self.problems.isEmpty ? "none" : "\(self.problems.count)")
    }
  }

  let service: String
  let point: CrashPoint

  var name: String { "\(self.service)/\(self.point.rawValue)" }

  func run() async -> Outcome {
    var outcome = Outcome()
    do {
      let marks = try TemporaryFolder()
      let mark = marks.path + "/fired"
      let system = try await RunningSugang.start(
        flags: CrashWorkload.flags,
        environment: ["SUGANG_CRASH_AT": self.name, "SUGANG_CRASH_MARK": mark])
      try await self.torture(system, mark, &outcome)
      try await system.stop()
    } catch {
      outcome.problems.append("\(error)")
    }
    return outcome
  }

  private func torture(
    _ system: RunningSugang, _ mark: String, _ outcome: inout Outcome
  ) async throws {
    var workload = CrashWorkload(system)
    try await workload.run(withOutage: self.point.needsOutage)
    outcome.hasFired = FileManager.default.fileExists(atPath: mark)
    let start = ContinuousClock.now
    var problems: [String] = []
    do {
      try await eventually("the books balance", within: .seconds(60)) {
        // Services may be on their way back.
        problems = (try? await BooksBalance(of: system).problems()) ?? ["no answer"]
        return problems.isEmpty
      }
      outcome.recovery = ContinuousClock.now - start
    } catch {
      outcome.problems += problems
    }
    outcome.problems += try await workload.brokenPromises()
  }
}

extension CrashPoint {
  /// Only reached when Pay was away for a while.
  fileprivate var needsOutage: Bool { self == .settleCommits || self == .settled }
}
