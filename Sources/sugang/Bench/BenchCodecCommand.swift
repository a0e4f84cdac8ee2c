import ArgumentParser
import JSON

/// `sugang bench codec`: messages to bytes and back.
struct BenchCodecCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "codec",
    abstract: "Measure how long messages take to become bytes and back.",
    discussion: """
      Nanoseconds for one message between its Swift value and its bytes, on one thread:
      by the generated codecs, and by libprotobuf-c behind a scan of the bytes.

      Examples:
        sugang bench codec
        sugang bench codec --duration 200ms --json
      """)

  @Option(help: ArgumentHelp("How long each figure is measured.", valueName: "time"))
  var duration = DurationArgument.seconds(1)

  @Flag(help: "Print JSON instead of a table.")
  var json = false

  func run() throws {
    let results = try CodecBench(duration: self.duration.duration).run()
    Console.print(self.json ? Self.json(results) : Self.table(results))
  }

  private static func table(_ results: [CodecBench.Result]) -> String {
    var table = TextTable(
      ("message", .left), ("bytes", .right), ("", .left), ("generated ns", .right),
      ("libprotobuf-c ns", .right), ("ratio", .right))
    for result in results {
      table.add(
        result.message, "\(result.bytes)", result.operation, "\(Int(result.generated.rounded()))",
        "\(Int(result.reference.rounded()))", "\(self.ratio(result))")
    }
    return table.text
  }

  private static func json(_ results: [CodecBench.Result]) -> String {
    JSONValue.array(
      results.map { result in
        [
          "message": .string(result.message),
          "bytes": .integer(result.bytes),
          "operation": .string(result.operation),
          "generatedNanoseconds": .number("\(self.tenths(result.generated))"),
          "referenceNanoseconds": .number("\(self.tenths(result.reference))"),
          "ratio": .number("\(self.ratio(result))"),
        ]
      }
    ).text(.pretty)
  }

  /// How many times as fast the generated codec is.
  private static func ratio(_ result: CodecBench.Result) -> Double {
    self.tenths(result.reference / result.generated)
  }

  private static func tenths(_ number: Double) -> Double {
    (number * 10).rounded() / 10
  }
}
