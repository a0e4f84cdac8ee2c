import ArgumentParser
import Contracts
import FramedRPC
import JSON
import NIOCore
import NIOPosix
import Supervisor

/// `sugang bench rpc`: unary calls on one connection, beside frames that only travel.
struct BenchRPCCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rpc",
    abstract: "Measure unary calls per second on one connection.",
    discussion: """
      The server is another process with one event loop, its handlers are async
      Swift functions. 'raw' is the limit: frames of the same size, echoed with no
      RPC and no protobuf. 'cpu' is the client's processor time a call, which other
      programs on the machine change little.

      Examples:
        sugang bench rpc
        sugang bench rpc --duration 2s --in-flight 64,256 --json
      """)

  @Option(
    help: ArgumentHelp(
      "How long each level is measured, after a warm-up of 0.5 s.", valueName: "time"))
  var duration = DurationArgument.seconds(5)

  @Option(
    help: ArgumentHelp("Calls in flight at once, separated by commas.", valueName: "numbers"))
  var inFlight = "1,16,64,256"

  @Option(
    help: ArgumentHelp(
      "Give the server this fixed limit of calls at once, to see what the admission costs.",
      valueName: "calls"))
  var limit: Int?

  @Flag(help: "Print JSON instead of a table.")
  var json = false

  private static let maxInFlight = 4096

  func run() async throws {
    let levels = try self.levels()
    let server = try await BenchServer.start(limit: self.limit)
    defer { server.stop() }
    let bench = RPCBench(server: server, duration: self.duration.duration)
    var results: [RPCBench.Result] = []
    for level in levels {
      Console.note("measuring \(level) in flight …")
      results.append(try await bench.measure(inFlight: level))
    }
    Console.print(self.json ? Self.json(results) : Self.table(results))
  }

  private func levels() throws -> [Int] {
    try self.inFlight.split(separator: ",").map { text in
      guard let level = Int(text), (1...Self.maxInFlight).contains(level) else {
        throw ValidationError(
          "--in-flight takes numbers from 1 to \(Self.maxInFlight) with commas between, not "
            + "'\(self.inFlight)'.")
      }
      return level
    }
  }

  private static func table(_ results: [RPCBench.Result]) -> String {
    var table = TextTable(
      ("in flight", .right), ("rpc/s", .right), ("p50 µs", .right), ("p99 µs", .right),
      ("cpu µs", .right), ("raw/s", .right), ("p50 µs", .right), ("p99 µs", .right),
      ("cpu µs", .right), ("rpc/raw", .right))
    for result in results {
      table.add(
        ["\(result.inFlight)"] + self.cells(result.rpc) + self.cells(result.raw)
          + ["\(self.rounded(result.ratio * 100)) %"])
    }
    return table.text
  }

  private static func cells(_ measurement: LoadMeasurement) -> [String] {
    [
      self.rounded(measurement.perSecond), self.rounded(measurement.p50Microseconds),
      self.rounded(measurement.p99Microseconds),
      "\((measurement.cpuMicroseconds * 100).rounded() / 100)",
    ]
  }

  private static func rounded(_ number: Double) -> String {
    "\(Int(number.rounded()))"
  }

  private static func json(_ results: [RPCBench.Result]) -> String {
    func measurement(_ measurement: LoadMeasurement) -> JSONValue {
      [
        "perSecond": .number(self.rounded(measurement.perSecond)),
        "p50Microseconds": .number("\(measurement.p50Microseconds)"),
        "p99Microseconds": .number("\(measurement.p99Microseconds)"),
        "clientCPUMicroseconds": .number("\(measurement.cpuMicroseconds)"),
      ]
    }
    return JSONValue.array(
      results.map { result in
        [
          "inFlight": .integer(result.inFlight),
          "bodyBytes": .integer(result.bodyBytes),
          "rpc": measurement(result.rpc),
          "raw": measurement(result.raw),
          "ratio": .number("\((result.ratio * 1000).rounded() / 1000)"),
        ]
      }
    ).text(.pretty)
  }
}
