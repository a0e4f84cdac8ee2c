import Foundation
import SystemHarness

/// Which processors the system runs on, and which its load: the students of the real world do not
/// sit on the server's processors either.
struct Cores {
  let system: [Int]
  let load: [Int]

  /// Shares out what this process may use: the last ones are the load's.
  ///
  /// - Parameters:
  ///   - load: how many the load gets; 0: nobody is kept apart.
  /// - Returns: nil when nothing is kept apart, also because that would leave the system none.
  static func share(load: Int) async throws -> Cores? {
    guard load > 0 else { return nil }
    let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    let name = "Cpus_allowed_list:"
    guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix(name) }),
      let all = Self.list(line.dropFirst(name.count).trimmingPrefix { $0.isWhitespace })
    else { throw SystemTestFailure("/proc/self/status does not say which processors there are") }
    guard all.count > load, await Command.isThere("taskset") else { return nil }
    return Cores(system: all.dropLast(load), load: all.suffix(load))
  }

  /// Every thread of this process, and whatever it starts from now on.
  static func move(to cores: [Int]) async throws {
    try await Command.run(
      "taskset",
      [
        "--all-tasks", "--pid", "--cpu-list", Self.text(cores),
        "\(ProcessInfo.processInfo.processIdentifier)",
      ])
  }

  /// Reads the kernel's way to list processors: `0-3,8`.
  static func list(_ text: some StringProtocol) -> [Int]? {
    var all: [Int] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
      guard (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1],
        first <= last
      else { return nil }
      all += first...last
    }
    return all
  }

  static func text(_ cores: [Int]) -> String {
    cores.map(String.init).joined(separator: ",")
  }
}
