import FramedRPC
import JSON

extension ConnectResponse {
  static func success(
    _ body: [UInt8], _ codec: ConnectCodec, trailers: RPCMetadata
  ) -> ConnectResponse {
    ConnectResponse(
      status: 200, contentType: codec.rawValue, headers: ConnectMetadata.trailers(trailers),
      body: body)
  }

  /// An error: its code decides the status, its metadata follows as trailers.
  static func failure(
    _ error: RPCError, details: [ConnectDetail] = [], headers: [Header] = []
  ) -> ConnectResponse {
    .failure(
      error.status.connectHTTPStatus, code: error.status.connectCode,
      message: self.message(of: error), details: details,
      headers: headers + ConnectMetadata.trailers(error.metadata))
  }

  /// HTTP's own answer to a content type that is none of ours. Connect has no code for it; clients
  /// make of a bare 415 what is said here.
  static func unsupportedMediaType(_ contentType: String?) -> ConnectResponse {
    let got = contentType.map { "\($0) is not accepted" } ?? "the request has no Content-Type"
    return .failure(
      415, code: RPCStatus.unknown.connectCode,
      message: "\(got); unary calls are made with \(ConnectCodec.accepted)",
      headers: [.init(name: "Accept-Post", value: ConnectCodec.accepted)])
  }

  private static func failure(
    _ status: Int, code: String, message: String, details: [ConnectDetail] = [],
    headers: [Header]
  ) -> ConnectResponse {
    var object: JSONObject = ["code": .string(code)]
    if !message.isEmpty { object.append("message", .string(message)) }
    if !details.isEmpty { object.append("details", .array(details.map(\.json))) }
    return ConnectResponse(
      status: status, contentType: ConnectCodec.json.rawValue, headers: headers,
      body: JSONValue.object(object).bytes())
  }

  /// What the public may read. UNAVAILABLE without a reason comes from the runtime, which names
  /// addresses of services.
  private static func message(of error: RPCError) -> String {
    guard error.status == .unavailable, error.reason == nil else { return error.message }
    return "the service cannot answer now"
  }
}
