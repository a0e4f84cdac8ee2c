import ArgumentParser
import FramedRPC
import HTTPClientKit
import JSON
import SystemHarness

/// More students than the system can take, at a rate that does not care.
struct OverloadCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "overload",
    abstract: "An open-model load at twice and at ten times of what the system can take.",
    discussion: """
      The load has processors of its own, as a crowd has; the peak, with which goodput is compared, \
      is measured in the same run and under the same conditions.
      """)

  @Option(help: "How long each load lasts, in seconds.")
  var seconds = 10

  @Option(help: "How many clients find the peak.")
  var clients = 64

  @Option(help: "Multiples of the peak.")
  var factors: [Double] = [2, 10]

  @Option(
    help: """
      How many processors only the load uses, the system having the others; 0: they share all. \
      Where there are not more than that, they share them, too.
      """)
  var loadCores = 1

  @OptionGroup var timing: TimingOptions

  private static let goodputShare = 0.9
  private static let recoveryTime = Duration.seconds(5)

  func run() async throws {
    var verdict = Verdict(judgesTimes: !self.timing.untimed)
    let cores = try await Cores.share(load: self.loadCores)
    let system = try await Self.start(on: cores)
    let course = try await system.registerCourse()
    let calm = try await Self.latency(system, course, "calm")
    let peak = await self.peak(system, course)
    print(
      "==> Peak: \(Int(peak)) enrollments/s with \(self.clients) clients; "
        + "\(milliseconds(calm)) for one student alone")
    for factor in self.factors {
      let plan = OpenHTTPLoad.Plan(
        port: system.http.port, course: course, rate: peak * factor,
        duration: .seconds(self.seconds), name: "crowd-\(Int(factor))")
      try await self.overload(plan, peak: peak, calm: calm, system, &verdict)
    }
    try await eventually("the books balance", within: .seconds(60)) {
      try await BooksBalance(of: system).problems().isEmpty
    }
    verdict.expect(true, "the books balance afterwards")
    try await system.stop()
    try verdict.finish()
  }

  private static func start(on cores: Cores?) async throws -> RunningSugang {
    // Its processes inherit that.
    if let cores { try await Cores.move(to: cores.system) }
    let system = try await RunningSugang.start(flags: ["--background-followers"])
    if let cores {
      try await Cores.move(to: cores.load)
      print(
        "==> The system runs on processors \(Cores.text(cores.system)), its load on "
          + Cores.text(cores.load))
    } else {
      print("==> The system and its load share the processors")
    }
    return system
  }

  /// Enrollments a second in a closed model.
  private func peak(_ system: RunningSugang, _ course: Int64) async -> Double {
    let clients = EnrollmentClients(port: system.http.port, course: course, pause: .zero)
    async let load: Void = clients.run(clients: self.clients)
    try? await Task.sleep(for: .seconds(1))
    let start = ContinuousClock.now
    try? await Task.sleep(for: .seconds(self.seconds / 2))
    let end = ContinuousClock.now
    clients.stop()
    await load
    return Double(clients.answers(from: start, to: end).count { $0.status == 201 })
      / ((end - start) / .seconds(1))
  }

  private func overload(
    _ plan: OpenHTTPLoad.Plan, peak: Double, calm: Duration, _ system: RunningSugang,
    _ verdict: inout Verdict
  ) async throws {
    print(
      "==> \((10 * plan.rate / peak).rounded() / 10) × the peak: \(Int(plan.rate)) students/s for "
        + "\(self.seconds) s")
    let result = try await OpenHTTPLoad(plan).run()
    let end = ContinuousClock.now
    let goodput = Double(result.acceptedInTime) / Double(self.seconds)
    func quantile(_ share: Double, _ histogram: LogLinearHistogram) -> String {
      milliseconds(.nanoseconds(Int64(histogram.quantile(share))))
    }
    print("       \(result.text)")
    print(
      "       goodput \(Int(goodput))/s (\(Int(100 * goodput / peak)) % of the peak); let in: p50 "
        + "\(quantile(0.5, result.accepted)), p99 \(quantile(0.99, result.accepted)); refused: p50 "
        + "\(quantile(0.5, result.refused)), p99 \(quantile(0.99, result.refused))")
    verdict.expectInTime(
      goodput >= Self.goodputShare * peak,
      "goodput is at least \(Int(100 * Self.goodputShare)) % of the peak")
    let others = result.statuses.keys.filter { ![201, 202, 429, 503].contains($0) }
    verdict.expect(others.isEmpty, "nobody got anything but 201, 202, 429 and 503")
    verdict.expect(
      result.refusedWithoutRetryAfter == 0, "every refusal says when to come again")

    var isCalm = false
    while ContinuousClock.now - end < Self.recoveryTime, !isCalm {
      isCalm = try await Self.latency(system, plan.course, "after-\(plan.name)") <= calm * 2
    }
    print("       back to normal after \(milliseconds(ContinuousClock.now - end))")
    verdict.expectInTime(isCalm, "back to normal within \(Self.recoveryTime.components.seconds) s")
  }

  /// The median of ten enrollments, one after the other.
  private static func latency(
    _ system: RunningSugang, _ course: Int64, _ name: String
  ) async throws -> Duration {
    var times: [Duration] = []
    let run = UInt32.random(in: 0...UInt32.max)
    for number in 0..<10 {
      let start = ContinuousClock.now
      let answer = try await system.enroll("\(name)-\(run)-\(number)", course: course)
      times.append(answer.status == 201 ? ContinuousClock.now - start : .seconds(60))
    }
    return times.sorted()[5]
  }
}
