import HTTPTypes
import JSON
import NIOCore

/// Makes HTTP of what an adaptor answers.
struct ResponseLayout {
  let style: JSONStyle

  func response(_ answer: RESTResponse) -> (head: HTTPResponse, body: ByteBuffer?) {
    var headers = HTTPFields()
    let body: ByteBuffer?
    switch answer.body {
    case .none: body = nil
    case .json(let value, let mediaType):
      headers[.contentType] = mediaType
      body = ByteBuffer(bytes: value.bytes(self.style))
    case .bytes(let bytes, let mediaType):
      headers[.contentType] = mediaType
      body = ByteBuffer(bytes: bytes)
    }
    for (name, value) in answer.headers {
      // Not set: a name may come more than once.
      if let name = HTTPField.Name(name) { headers.append(HTTPField(name: name, value: value)) }
    }
    return (HTTPResponse(status: .init(code: answer.status), headerFields: headers), body)
  }

  func answer(_ problem: HTTPProblem, instance: String, _ id: String) -> RESTResponse {
    var answer = RESTResponse.json(
      problem.body(instance: instance, requestID: id), status: problem.status,
      mediaType: MediaType.problem)
    if let seconds = problem.retryAfterSeconds { answer = answer.retryAfter(seconds: seconds) }
    if let allow = problem.allow { answer = answer.adding("Allow", allow) }
    if let challenge = problem.challenge {
      answer = answer.adding("WWW-Authenticate", challenge)
    }
    return answer
  }
}
