import ArgumentParser
import FramedRPC
import JSON
import NIOCore
import NIOPosix

/// `sugang rpc press`: load at a fixed rate on one method.
struct RPCPressCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "press",
    abstract: "Call a method at a fixed rate and measure.",
    discussion: """
      Calls begin when they are due, whatever becomes of those before, and their
      latency counts from then: a server that stands still cannot slow the load down
      and look fast. A call that is due while MAX are in flight is dropped and
      counted. Latencies are those of all calls, also of those that failed.

      A method that streams has a stream begun at each due time: all of -d is sent in it,
      --messages times over, while its answers are read, and its latency counts to its end.
      --timeout (5s) ends one that has no end of its own, as an error.

      In the request, {{i}} is the call's number and {{random}} a random whole number.

      A threshold is METRIC<BOUND (or <=, >, >=), the metric one of p50 … p99.99, any
      other percentile, mean, max (with us, ms or s), errors, dropped (a number or %),
      rate (calls a second) and messages (of streams, a second, both ways). When one does
      not hold, the exit code is 3.

      Examples:
        sugang rpc press pay GetPayment -d '{"id": 1}' --rate 500 --duration 10s
        sugang rpc press class Enroll -d '{"courseId": 1, "student": "s{{i}}"}' \\
          --rate 200 --threshold 'p99<20ms' --threshold 'errors<0.1%'
        sugang rpc press 127.0.0.1:9000 Chat -d '{"sizes": [100]}' --messages 50 --rate 20
      """)

  /// When a threshold does not hold.
  static let failedThreshold = ExitCode(3)

  @OptionGroup var server: ServerAddress
  @OptionGroup var target: MethodArgument
  @OptionGroup var request: RequestArguments

  @Option(help: "Calls to begin each second.")
  var rate = 100.0

  @Option(help: ArgumentHelp("How long to begin calls.", valueName: "time"))
  var duration = DurationArgument.seconds(10)

  @Option(name: [.customShort("c"), .long], help: "Connections that the calls take in turn.")
  var connections = 1

  @Option(help: ArgumentHelp("Most calls at once.", valueName: "max"))
  var maxInFlight = 1000

  @Option(help: ArgumentHelp("What must hold; may be repeated.", valueName: "metric<bound"))
  var threshold: [PressThreshold] = []

  @Option(
    help: ArgumentHelp(
      "How often all of -d is sent in a stream of requests.", valueName: "times"))
  var messages = 1

  @Flag(help: "Print JSON instead of text.")
  var json = false

  func validate() throws {
    guard self.rate.isFinite, (0.001...1_000_000).contains(self.rate) else {
      throw ValidationError("--rate is from 0.001 to 1000000 calls a second, not \(self.rate).")
    }
    guard (1...1000).contains(self.connections) else {
      throw ValidationError("--connections is from 1 to 1000, not \(self.connections).")
    }
    guard (1...1_000_000).contains(self.maxInFlight) else {
      throw ValidationError("--max-in-flight is from 1 to 1000000, not \(self.maxInFlight).")
    }
    guard (1...1_000_000).contains(self.messages) else {
      throw ValidationError("--messages is from 1 to 1000000, not \(self.messages).")
    }
    guard self.rate * self.duration.duration.inSeconds >= 1 else {
      throw ValidationError("not one call is due in \(self.duration) at \(self.rate) a second.")
    }
  }

  func run() async throws {
    let template = try RequestTemplate(
      String(decoding: self.request.dataBytes(), as: UTF8.self))
    var options = self.server.callOptions
    // One loop and thread: what begins calls and what carries them must not fight for processors.
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    var clients: [RPCClient] = []
    for _ in 0..<self.connections {
      clients.append(try self.server.makeClient(group))
    }
    defer {
      for client in clients {
        client.shutdown()
      }
    }
    let channels = try clients.map { try $0.withToken() }
    let method: DescribedMethod
    let kind: RPCKind
    do {
      method = try await DescribedMethod.find(self.target.method, on: channels[0], options)
      guard let known = method.method.kind.rpcKind else {
        throw CommandFailure(
          "\(method.method.shortName) is of a kind that this build does not know")
      }
      guard known.clientStreams || self.messages == 1 else {
        throw CommandFailure("\(method.method.shortName) takes one request: no --messages")
      }
      kind = known
      for client in clients.dropFirst() {
        _ = try await client.methods(options: options)
      }
    } catch let error as RPCError {
      throw CommandFailure(
        rpc: error, from: clients[0].address, exitCode: CommandFailure.exitCode(of: error.status))
    }
    options.metadata = try self.request.parsedMetadata()
    let press = Press(
      method: method, kind: kind, template: template, times: self.messages, channels: channels,
      options: options, loop: group.next())
    let result = try await press.run(
      OpenLoad.Plan(
        rate: self.rate, duration: self.duration.duration, maxInFlight: self.maxInFlight,
        kind: kind))
    try self.report(result)
  }

  private func report(_ result: PressResult) throws {
    let checks = self.threshold.map { $0.check(result) }
    Console.print(self.json ? result.json(checks).text(.pretty) : result.text(checks))
    guard checks.allSatisfy(\.holds) else { throw Self.failedThreshold }
    guard result.errors < max(result.calls, 1) || !checks.isEmpty else {
      throw CommandFailure("no call succeeded")
    }
  }
}
