import HTTPClientKit
import JSON
import Kernel

extension HTTPClient {
  /// Sends the fields and headers that are there, with an Idempotency-Key when there is one.
  ///
  /// - Throws: the problem as ``Problem`` when the server answers one.
  package func send(
    _ method: String, _ path: String, fields: KeyValuePairs<String, JSONValue?>,
    headers: KeyValuePairs<String, String?> = [:], key: IdempotencyKey? = nil,
    expecting statuses: Set<Int>
  ) async throws -> JSONValue {
    var object = JSONObject()
    for (name, value) in fields {
      if let value { object.append(name, value) }
    }
    let sent = headers.compactMap { name, value in value.map { (name, $0) } }
    let response = try await self.request(
      method, path, headers: sent + (key.map { [("Idempotency-Key", $0.value)] } ?? []),
      body: JSONValue.object(object).text())
    guard statuses.contains(response.status) else {
      throw try Problem(problemJSON: response.json)
    }
    return response.json
  }
}

extension HTTPResponse {
  /// The fields that a problem complains about.
  package var wrongFields: [String] {
    self.json["errors"]?.array?.compactMap { $0["field"]?.string } ?? []
  }
}
