import ArgumentParser
import Glibc
import HTTPClientKit
import JSON
import NIOCore
import SystemHarness

/// Pay is gone for a while in each way it can be: killed, hung, slow, talking nonsense.
struct PayOutageCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pay-outage",
    abstract: "Break Pay in every way while students enroll.",
    discussion: """
      No answer may be a 500; once the circuit is open, answers come within 50 ms; within 60 s \
      after Pay is back everything is terminal and the books balance.
      """)

  enum Outage: String, CaseIterable, ExpressibleByArgument {
    case killed, hung, slow, garbage
  }

  @Option(help: "How long Pay is gone, in seconds.")
  var seconds = 10

  @Option(help: "How many clients enroll meanwhile.")
  var clients = 16

  @Option(help: "Only these outages; all when none is given.")
  var only: [Outage] = []

  @OptionGroup var timing: TimingOptions

  /// Fractions of a second that a circuit may take to open.
  private static let openingTime = Duration.seconds(2)
  private static let openAnswerMax = Duration.milliseconds(50)

  func run() async throws {
    var verdict = Verdict(judgesTimes: !self.timing.untimed)
    for outage in self.only.isEmpty ? Outage.allCases : self.only {
      print("==> Pay is \(outage.rawValue) for \(self.seconds) s")
      try await self.run(outage, &verdict)
    }
    try verdict.finish()
  }

  private func run(_ outage: Outage, _ verdict: inout Verdict) async throws {
    let proxy = try await FaultProxy.start()
    defer { proxy.close() }
    let system = try await RunningSugang.start(
      flags: ["--peers", "pay=127.0.0.1:\(proxy.port)"],
      preparing: { offset in proxy.setTarget(port: 9083 + offset) })
    let course = try await system.registerCourse()
    let clients = EnrollmentClients(
      port: system.http.port, course: course, pause: .milliseconds(20))
    async let load: Void = clients.run(clients: self.clients)
    try await Task.sleep(for: .seconds(2))

    let broken = ContinuousClock.now
    try await self.breakPay(outage, system, proxy)
    try await Task.sleep(for: .seconds(self.seconds))
    let healed = ContinuousClock.now
    try await self.heal(outage, system, proxy)

    try await Task.sleep(for: .seconds(3))
    clients.stop()
    await load
    try await self.judge(
      clients, system, broken: broken, healed: healed, &verdict)
    try await system.stop()
  }

  private func breakPay(
    _ outage: Outage, _ system: RunningSugang, _ proxy: FaultProxy
  ) async throws {
    switch outage {
    case .killed: try await system.stopService("pay", kill: true)
    case .hung: try await system.signal(SIGSTOP, "pay")
    case .slow: proxy.setMode(.slow(.milliseconds(1500)))
    case .garbage: proxy.setMode(.garbage)
    }
  }

  private func heal(
    _ outage: Outage, _ system: RunningSugang, _ proxy: FaultProxy
  ) async throws {
    switch outage {
    case .killed: try await system.startService("pay")
    case .hung: try await system.signal(SIGCONT, "pay")
    case .slow, .garbage: proxy.setMode(.pass)
    }
  }

  private func judge(
    _ clients: EnrollmentClients, _ system: RunningSugang, broken: ContinuousClock.Instant,
    healed: ContinuousClock.Instant, _ verdict: inout Verdict
  ) async throws {
    let open = AnswerSummary(clients.answers(from: broken + Self.openingTime, to: healed))
    print("       before        \(AnswerSummary(clients.answers(to: broken)).text)")
    print(
      "       opening       "
        + AnswerSummary(clients.answers(from: broken, to: broken + Self.openingTime)).text)
    print("       open          \(open.text)")
    print("       after         \(AnswerSummary(clients.answers(from: healed)).text)")
    let all = AnswerSummary(clients.answers())
    verdict.expect(
      Set(all.statuses.keys).isSubset(of: [201, 202, 503]),
      "nobody got anything but 201, 202 and 503")
    verdict.expect(
      clients.answers().allSatisfy { $0.status != 503 || $0.hasRetryAfter },
      "every 503 says when to come again")
    verdict.expectInTime(
      open.count > 0 && open.p99 <= Self.openAnswerMax,
      "once open, 99 % of the answers come within \(milliseconds(Self.openAnswerMax))")

    var problems: [String] = ["not looked yet"]
    do {
      try await eventually("the books balance", within: .seconds(60)) {
        problems = try await BooksBalance(of: system).problems()
        return problems.isEmpty
      }
      print("       settled       \((ContinuousClock.now - healed).components.seconds) s after it")
      verdict.expect(true, "everything is terminal and the books balance within 60 s")
    } catch {
      for problem in problems.prefix(5) { print("       \(problem)") }
      verdict.expect(false, "everything is terminal and the books balance: \(error)")
    }
    let told = clients.answers().count { $0.status == 201 }
    let registered = try await system.all("classes").count
    verdict.expect(
      registered >= told, "all \(told) students who were told 201 are in (\(registered) are)")
  }
}
