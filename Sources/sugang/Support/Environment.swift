import Foundation

/// The variables this process was started with.
enum Environment {
  static subscript(name: String) -> String? { ProcessInfo.processInfo.environment[name] }

  static var all: [String: String] { ProcessInfo.processInfo.environment }
}
