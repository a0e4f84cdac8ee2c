import AlertCore

/// Sends alerts to whoever watches the log, until there is a contract with KakaoTalk.
///
/// Who gets a message and what it says is personal, so an ordinary log line has neither
/// (trap T28).
package struct ConsoleAlertSender: AlertSender {
  private let info: @Sendable (String) -> Void
  private let debug: @Sendable (String) -> Void

  /// - Parameters:
  ///   - info: prints a line for everybody's eyes.
  ///   - debug: prints a line with personal data, for a developer's eyes only.
  package init(
    info: @escaping @Sendable (String) -> Void,
    debug: @escaping @Sendable (String) -> Void = { _ in }
  ) {
    self.info = info
    self.debug = debug
  }

  package func send(_ alert: Alert) async throws {
    let content = alert.content
    self.info(
      "alert \(alert.id) sent by \(content.key.channel.rawValue): \(content.eventType)")
    self.debug("alert \(alert.id) to \(content.key.recipient): \(content.message)")
  }
}
