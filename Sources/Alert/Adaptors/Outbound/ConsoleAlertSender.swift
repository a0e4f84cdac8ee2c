import AlertCore

/// Sends alerts to whoever watches the log, until there is a contract with KakaoTalk.
///
/// Who gets a message and what it says is personal, so an ordinary log line has neither
/// (trap T28).
package struct ConsoleAlertSender: AlertSender {
  /// Prints a line, or does not even make it up when nobody looks.
  package typealias Print = @Sendable (_ line: () -> String) -> Void

  private let info: Print
  private let debug: Print

  /// - Parameters:
  ///   - info: prints a line for everybody's eyes.
  ///   - debug: prints a line with personal data, for a developer's eyes only.
  package init(info: @escaping Print, debug: @escaping Print = { _ in }) {
    self.info = info
    self.debug = debug
  }

  package func send(_ alert: Alert) async throws {
    let content = alert.content
    self.info { "alert \(alert.id) sent by \(content.key.channel.rawValue): \(content.eventType)" }
    self.debug { "alert \(alert.id) to \(content.key.recipient): \(content.message)" }
  }
}
