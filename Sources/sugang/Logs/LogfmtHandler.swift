import Kernel
import Logging
import SugangServices

/// Writes one line a message to stderr: `time level service message key=value …`, in logfmt.
struct LogfmtHandler: LogHandler {
  var logLevel: Logger.Level
  var metadata: Logger.Metadata = [:]
  var metadataProvider: Logger.MetadataProvider?

  init(service: String, level: Logger.Level) {
    self.logLevel = level
    self.metadata["service"] = .string(service)
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { self.metadata[key] }
    set { self.metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    Console.note(self.line(event, time: Self.now()))
  }

  func line(_ event: LogEvent, time: String) -> String {
    var metadata = self.metadata
    for (key, value) in self.metadataProvider?.get() ?? [:] {
      metadata[key] = value
    }
    for (key, value) in event.metadata ?? [:] {
      metadata[key] = value
    }
    var line = "time=\(time) level=\(event.level)"
    if let service = metadata.removeValue(forKey: "service") {
      line += " service=\(Self.quoted("\(service)"))"
    }
    line += " msg=\(Self.quoted("\(event.message)"))"
    if let error = event.error {
      line += " error=\(Self.quoted("\(error)"))"
    }
    for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
      line += " \(key)=\(Self.quoted("\(value)"))"
    }
    return line
  }

  private static func now() -> String {
    SystemWallClock().now().rfc3339
  }

  /// As it stands when it is one plain word, otherwise in quotes and on one line.
  static func quoted(_ text: String) -> String {
    let isPlain =
      !text.isEmpty
      && text.unicodeScalars.allSatisfy { scalar in
        scalar.value > 0x20 && scalar.value != 0x7F && scalar != "\"" && scalar != "="
          && scalar != "\\"
      }
    guard !isPlain else { return text }
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": quoted += "\\\(scalar)"
      case "\n": quoted += "\\n"
      case "\t": quoted += "\\t"
      case _ where scalar.value < 0x20 || scalar.value == 0x7F:
        quoted += "\\u{\(String(scalar.value, radix: 16))}"
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }
}

extension Logger {
  /// The process's log; the levels of libraries follow it.
  static func start(service: String, level: Logger.Level) -> Logger {
    LoggingSystem.bootstrap(
      { _, provider in
        var handler = LogfmtHandler(service: service, level: level)
        handler.metadataProvider = provider
        return handler
      }, metadataProvider: nil)
    return Logger(label: "sugang")
  }
}
