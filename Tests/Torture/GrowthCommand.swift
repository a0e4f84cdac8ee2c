import ArgumentParser
import Foundation
import HTTPClientKit
import JSON
import SystemHarness

/// Whether an enrollment costs more when there are many already.
struct GrowthCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "growth",
    abstract: "The cost of an enrollment from the first class to the last.",
    discussion: """
      Processor time of all services for each enrollment, with all that follows from it; it suffers \
      less from a busy machine than enrollments a second do. A million take about ten minutes.
      """)

  @Option(help: "How many classes at the end.")
  var classes = 1_000_000

  @Option(help: "How many points the curve has.")
  var points = 10

  @Option(help: "How many clients.")
  var clients = 64

  private static let mostGrowth = 1.25

  func run() async throws {
    var verdict = Verdict()
    let system = try await RunningSugang.start()
    let course = try await system.registerCourse()
    let block = max(self.classes / self.points, 1)
    var costs: [Double] = []
    print("classes    enrollments/s  p99 ms  processor µs/enrollment  data MB")
    for point in 1...self.points {
      let before = try await self.processorMicroseconds(system)
      let start = ContinuousClock.now
      let answers = try await self.enroll(block, point, system, course)
      let took = ContinuousClock.now - start
      // What follows from the payments counts as well.
      try await self.awaitMyPage(system, point * block)
      let cost = (try await self.processorMicroseconds(system) - before) / Double(block)
      costs.append(cost)
      print(
        String(
          format: "%9d  %13.0f  %6.1f  %23.0f  %7d", point * block,
          Double(block) / (took / .seconds(1)), quantile(0.99, of: answers) / .milliseconds(1),
          cost,
          try self.dataBytes(system) / 1_048_576))
    }
    let growth = (costs.last ?? 0) / max(costs.first ?? 1, 1)
    verdict.expect(
      growth <= Self.mostGrowth,
      String(format: "the last ones cost at most a quarter more than the first: %.2f times", growth)
    )
    try await system.stop()
    try verdict.finish()
  }

  /// - Returns: the latencies, sorted.
  private func enroll(
    _ count: Int, _ point: Int, _ system: RunningSugang, _ course: Int64
  ) async throws -> [Duration] {
    try await withThrowingTaskGroup(of: [Duration].self) { group in
      for client in 0..<self.clients {
        group.addTask {
          var times: [Duration] = []
          for number in stride(from: client, to: count, by: self.clients) {
            let start = ContinuousClock.now
            let answer = try await system.enroll("s-\(point)-\(number)", course: course)
            guard [201, 202].contains(answer.status) else {
              throw SystemTestFailure("\(answer.status): \(answer.text)")
            }
            times.append(ContinuousClock.now - start)
          }
          return times
        }
      }
      return try await group.reduce(into: []) { $0 += $1 }.sorted()
    }
  }

  private func awaitMyPage(_ system: RunningSugang, _ count: Int) async throws {
    try await eventually("my page shows \(count) classes", within: .seconds(120)) {
      let answer = try await system.http.request("GET", "/inquiryMypages?size=1")
      return answer.json["page"]?["totalElements"]?.int64 ?? 0 >= Int64(count)
    }
  }

  /// User and system time of all services, from /proc/PID/stat in ticks of 10 ms.
  private func processorMicroseconds(_ system: RunningSugang) async throws -> Double {
    var ticks = 0.0
    for pid in try await system.processIDs().values {
      let stat = try String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)
      // The name, in parentheses, may hold spaces.
      let fields = stat.split(separator: ")").last?.split(separator: " ") ?? []
      guard fields.count > 12, let user = Double(fields[11]), let kernel = Double(fields[12]) else {
        throw SystemTestFailure("/proc/\(pid)/stat says something else: \(stat)")
      }
      ticks += user + kernel
    }
    return ticks * 1_000_000 / Double(sysconf(Int32(_SC_CLK_TCK)))
  }

  private func dataBytes(_ system: RunningSugang) throws -> Int {
    try FileManager.default.contentsOfDirectory(atPath: system.data).reduce(0) { sum, name in
      let attributes = try FileManager.default.attributesOfItem(atPath: "\(system.data)/\(name)")
      return sum + (attributes[.size] as? Int ?? 0)
    }
  }
}
