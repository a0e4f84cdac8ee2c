internal import NIOCore
import NIOPosix
import Synchronization

/// A small HTTP/1.1 client for tests, benchmarks and scripts: keeps connections open, never waits without a deadline.
///
/// Concurrent requests use a connection each; a request that fails closes its connection.
package final class HTTPClient: Sendable {
  private let host: String
  package let port: Int
  private let deadline: Duration
  private let headers: [(String, String)]
  private let idle = Mutex<[HTTPConnection]>([])

  /// - Parameters:
  ///   - deadline: for one request, with connecting.
  ///   - headers: sent with each request that has none of the same name.
  package init(
    host: String = "127.0.0.1", port: Int, deadline: Duration = .seconds(10),
    headers: [(String, String)] = []
  ) {
    self.host = host
    self.port = port
    self.deadline = deadline
    self.headers = headers
  }

  /// A client of the same server that shows this token, with connections of its own.
  package func bearing(_ token: String) -> HTTPClient {
    HTTPClient(
      host: self.host, port: self.port, deadline: self.deadline,
      headers: self.headers + [("Authorization", "Bearer \(token)")])
  }

  /// Sends one request. `Host`, and with a body `Content-Type` and `Content-Length`, are added
  /// unless `headers` has them.
  package func request(
    _ method: String, _ path: String, headers: [(String, String)] = [], body: String? = nil
  ) async throws -> HTTPResponse {
    let names = Set(headers.map { $0.0.lowercased() })
    var head = "\(method) \(path) HTTP/1.1\r\n"
    if !names.contains("host") {
      head += "Host: \(Self.authority(self.host, self.port))\r\n"
    }
    if body != nil, !names.contains("content-type") { head += "Content-Type: application/json\r\n" }
    if let body, !names.contains("content-length"), !names.contains("transfer-encoding") {
      head += "Content-Length: \(body.utf8.count)\r\n"
    }
    for (name, value) in headers { head += "\(name): \(value)\r\n" }
    for (name, value) in self.headers where !names.contains(name.lowercased()) {
      head += "\(name): \(value)\r\n"
    }
    return try await self.exchange(raw: head + "\r\n" + (body ?? ""), isHead: method == "HEAD")
  }

  /// As in a `Host` header.
  static func authority(_ host: String, _ port: Int) -> String {
    "\(host.contains(":") ? "[\(host)]" : host):\(port)"
  }

  /// Sends bytes as they are and reads one response.
  package func exchange(raw: String, isHead: Bool = false) async throws -> HTTPResponse {
    let connection = try await self.connection()
    let response = try await connection.exchange(
      raw: raw, isHead: isHead, deadline: TimeAmount(self.deadline))
    if response.keepsConnection {
      self.idle.withLock { $0.append(connection) }
    } else {
      connection.close()
    }
    return response
  }

  /// Closes the connections that wait for another request.
  package func close() {
    let connections = self.idle.withLock { idle in
      defer { idle = [] }
      return idle
    }
    for connection in connections { connection.close() }
  }

  deinit {
    self.close()
  }

  private func connection() async throws -> HTTPConnection {
    while let connection = self.idle.withLock({ $0.popLast() }) {
      if connection.isOpen { return connection }
    }
    return try await HTTPConnection.connect(
      host: self.host, port: self.port, deadline: TimeAmount(self.deadline))
  }
}

/// Why there is no response.
package enum HTTPClientError: Error, Hashable, Sendable {
  case deadlineExceeded
  /// The server closed the connection first.
  case closed
  case malformed(String)
}
