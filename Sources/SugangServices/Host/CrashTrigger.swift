import FramedRPC
import Foundation
import Kernel
import Logging
import Synchronization

/// Ends this process at one ``CrashPoint``, when a test asks for it by environment.
///
/// `SUGANG_CRASH_AT=pay/approve.after-commit`, or `…:3` for the third time the process comes by
/// there. It happens once: `SUGANG_CRASH_MARK` names a file that is made just before, and no process
/// that finds it there is ended, so that the one that is started again goes on.
enum CrashTrigger {
  /// A point of one service, and how often it is passed before.
  struct Target: Hashable {
    let service: String
    let point: CrashPoint
    /// 1 for the first time.
    let time: Int

    /// nil for a text that names none.
    init?(_ text: String) {
      let parts = text.split(separator: "/", maxSplits: 1)
      guard parts.count == 2 else { return nil }
      let words = parts[1].split(separator: ":", maxSplits: 1)
      guard let point = CrashPoint(rawValue: String(words[0])),
        let time = words.count == 2 ? Int(words[1]) : 1, time >= 1
      else { return nil }
      self.service = String(parts[0])
      self.point = point
      self.time = time
    }
  }

  static func arm(for name: ServiceName, logger: Logger) throws {
    let environment = ProcessInfo.processInfo.environment
    guard let text = environment["SUGANG_CRASH_AT"] else { return }
    guard let target = Target(text), let mark = environment["SUGANG_CRASH_MARK"] else {
      throw WrongCrashTarget(text: text)
    }
    guard target.service == name.rawValue, !FileManager.default.fileExists(atPath: mark) else {
      return
    }
    let passed = Atomic(0)
    CrashPoint.arm { point in
      guard point == target.point,
        passed.wrappingAdd(1, ordering: .relaxed).newValue == target.time
      else { return }
      _ = FileManager.default.createFile(atPath: mark, contents: nil)
      kill(getpid(), SIGKILL)
      // The signal may take a moment; nothing may happen in it.
      while true { pause() }
    }
    logger.warning("ends at a crash point", metadata: ["point": "\(text)"])
  }
}

/// `SUGANG_CRASH_AT` without a known point, or without `SUGANG_CRASH_MARK`.
struct WrongCrashTarget: Error, CustomStringConvertible {
  let text: String

  var description: String {
    "SUGANG_CRASH_AT is SERVICE/POINT with SUGANG_CRASH_MARK=FILE, not '\(self.text)'"
  }
}

/// The crash points of the gateway: around every call to a service.
struct CrashPointInterceptor: ClientInterceptor {
  func intercept(
    _ call: ClientCall, next: @escaping @Sendable (ClientCall) async throws -> CallAnswer
  ) async throws -> CallAnswer {
    CrashPoint.reached(.forwarded)
    defer { CrashPoint.reached(.answered) }
    return try await next(call)
  }
}
