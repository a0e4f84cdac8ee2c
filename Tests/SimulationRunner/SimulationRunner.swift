import Foundation
import Simulation

/// Runs seeds of the simulation, for many of them in a release build:
///
///     sugang-simulate [COUNT [FIRST]]
@main
enum SimulationRunner {
  static func main() async {
    let numbers = CommandLine.arguments.dropFirst().map { UInt64($0) }
    guard numbers.count <= 2, !numbers.contains(nil) else {
      FileHandle.standardError.write(Data("usage: sugang-simulate [COUNT [FIRST]]\n".utf8))
      exit(2)
    }
    let count = numbers.first.flatMap(\.self) ?? 10_000
    let first = numbers.dropFirst().first.flatMap(\.self) ?? 1
    let summary = await Simulator.run(seeds: first..<(first + count))
    print(summary)
    let isCovered = count < 1000 || summary.missing.isEmpty
    if !isCovered { print("never seen: \(summary.missing.joined(separator: ", "))") }
    exit(summary.failures.isEmpty && summary.unlike.isEmpty && isCovered ? 0 : 1)
  }
}
