import JSON

/// Where a REST server listens and what it puts up with. Every limit has a name with a unit.
package struct RESTServerConfiguration: Sendable {
  package var host: String
  /// 0 = any free port.
  package var port: Int
  package var maxBodyBytes = 64 * 1024
  /// Method, target and version of one request.
  package var maxRequestLineBytes = 8 * 1024
  /// All header lines of one request together, with its target.
  package var maxHeaderBytes = 16 * 1024
  package var maxHeaderLines = 100
  /// Further connections wait in the listen queue until one closes.
  package var maxConnections = 10_000
  /// Length of the listen queue: a crowd comes at once, and who finds no place there tries again
  /// after a whole second. The system may allow less (`net.core.somaxconn`).
  package var maxWaitingConnections = 4_096
  /// A connection that sends no complete request head for so long is closed.
  package var idleTimeout: Duration = .seconds(10)
  /// A body that is not complete after so long closes the connection.
  package var bodyTimeout: Duration = .seconds(20)
  /// How long an event loop that refuses requests waits for more of them, to answer them together.
  package var refusalRest: Duration = .milliseconds(1)
  package var style = JSONStyle.pretty

  package init(host: String = "127.0.0.1", port: Int = 0) {
    self.host = host
    self.port = port
  }
}
