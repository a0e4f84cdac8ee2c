import HTTPTypes
import Hummingbird
import JSON
import Kernel
import Logging
import NIOCore
import NIOHTTPTypes
import W3CTrace

/// Takes a request through routing to an answer: names it, reads its body, makes a problem of
/// every error and logs it. One layer, because every layer costs each request.
struct RESTResponder: HTTPResponder {
  let routes: RouteTable
  /// nil: everything runs.
  let admission: (any RequestAdmission)?
  /// nil: nothing is counted.
  let metrics: HTTPServerMetrics?
  /// nil: everybody may do everything.
  let authentication: RESTAuthentication?
  let maxBodyBytes: Int
  let layout: ResponseLayout

  func respond(to request: Request, context: RESTContext) async throws -> Response {
    let start = context.logger.logLevel <= .debug ? ContinuousClock.now : nil
    let target = RequestTarget(request.head.path)
    let id = RequestID.accept(request.headers[.requestIDHint])
    let trace = TraceContext.continued(from: request.headers)
    let running = self.metrics?.begin(request.method.rawValue)
    var route: HTTPServerMetrics.Route?
    var status: Int?
    defer {
      if let running { self.metrics?.end(running, route: route, status: status) }
    }
    var response: Response
    do {
      response = try await TraceContext.$current.withValue(trace) {
        try await self.answer(request, target, id, context, &route)
      }
    } catch let failure as BodyFailure {
      // The connection is broken: Hummingbird knows what to do with its own errors.
      throw failure.cause
    } catch {
      let problem = RESTResponder.problem(for: error, id, context.logger)
      response = self.render(self.layout.answer(problem, instance: target.path, id))
    }
    response.headers[.requestID] = id
    status = response.status.code
    // Also of a problem: a body that is not expected would be taken for the next answer.
    if request.method == .head { response = response.createHeadResponse() }
    if let start {
      RESTResponder.log(request, target, response, trace, since: start, context.logger, id)
    }
    return response
  }

  private func answer(
    _ request: Request, _ target: RequestTarget, _ id: String, _ context: RESTContext,
    _ route: inout HTTPServerMetrics.Route?
  ) async throws -> Response {
    switch try self.routes.answer(request.method.rawValue, target.path) {
    case .options(let allow):
      return self.render(RESTResponse(204, headers: [("Allow", allow)]))
    case .match(let match):
      route = .init(match)
      let admission = match.isExempt ? nil : self.admission
      let address = admission == nil ? nil : context.channel.remoteAddress
      let arrival = RESTArrival(match, target.path, address)
      let place: RESTPlace?
      let body: [UInt8]
      let caller: Caller
      do {
        try admission?.arrive(arrival)
        // Before its body is read: who may not come in need not send it.
        caller = try await self.caller(match, request.headers, id)
        body = match.verb.readsBody ? try await self.body(of: request, context) : []
        // Not before its body is here: a slow sender must not hold a place.
        place = try await admission?.enter(arrival, on: context.channel.eventLoop)
      } catch let problem as HTTPProblem {
        guard let refusal = match.refusal else { throw problem }
        return self.render(refusal(problem))
      }
      var isDone = false
      defer {
        if let place { admission?.leave(place, isMeasured: isDone) }
      }
      let answer = try await match.handler(
        RESTRequest(
          match.verb, target: target, parameters: match.parameters, headers: request.headers,
          body: body, caller: caller, logger: context.logger))
      isDone = true
      return self.render(answer)
    }
  }

  private func caller(
    _ match: RouteTable.Match, _ headers: HTTPFields, _ id: String
  ) async throws -> Caller {
    guard let authentication = self.authentication else { return Caller(requestID: id) }
    if match.isPublic { return Caller(.nobody, requestID: id) }
    return try await authentication.caller(headers, requestID: id)
  }

  private func body(of request: Request, _ context: RESTContext) async throws -> [UInt8] {
    let announced = request.headers[.contentLength].flatMap { Int($0) }
    if let announced, announced > self.maxBodyBytes {
      throw HTTPProblem.bodyTooLarge(maxBytes: self.maxBodyBytes)
    }
    if request.headers.contains(.expect) {
      // It is 100-continue, or the request would not have come so far: the body is wanted.
      context.channel.writeAndFlush(
        HTTPResponsePart.head(HTTPResponse(status: .continue)), promise: nil)
    }
    do {
      let body = try await request.body.collect(upTo: self.maxBodyBytes)
      // Hummingbird takes the end of a connection for the end of a body.
      if let announced, announced != body.readableBytes {
        throw BodyFailure(cause: TruncatedBody())
      }
      return Array(body.readableBytesView)
    } catch is NIOTooManyBytesError {
      throw HTTPProblem.bodyTooLarge(maxBytes: self.maxBodyBytes)
    } catch let failure as BodyFailure {
      throw failure
    } catch {
      throw BodyFailure(cause: error)
    }
  }

  // MARK: Answers

  private func render(_ answer: RESTResponse) -> Response {
    let (head, body) = self.layout.response(answer)
    return Response(
      status: head.status, headers: head.headerFields,
      body: body.map { .init(byteBuffer: $0) } ?? .init())
  }

  // MARK: Errors

  /// What an error means to the caller; what it means to us is logged and not told.
  private static func problem(
    for error: any Error, _ id: String, _ logger: Logger
  ) -> HTTPProblem {
    switch error {
    case let problem as HTTPProblem: return problem
    case let error as any DomainError:
      if error.problem.kind == .failed {
        logger.naming(request: id).error(
          "a service behind this one failed",
          metadata: ["error": .string(String(reflecting: error))])
      }
      return HTTPProblem(error.problem)
    case is CancellationError: return .shuttingDown
    default:
      logger.naming(request: id).error(
        "request failed", metadata: ["error": .string(String(reflecting: error))])
      return .internalError
    }
  }

  private static func log(
    _ request: Request, _ target: RequestTarget, _ response: Response,
    _ trace: TraceContext, since start: ContinuousClock.Instant, _ logger: Logger, _ id: String
  ) {
    logger.naming(request: id).debug(
      "request answered",
      metadata: [
        "http.request.method": .string(request.method.rawValue),
        "url.path": .string(target.path),
        "http.response.status_code": .stringConvertible(response.status.code),
        "duration": .stringConvertible(ContinuousClock.now - start),
        "trace.id": .stringConvertible(trace.traceID),
      ])
  }
}

extension TraceContext {
  /// The trace that a request belongs to, or a new one.
  fileprivate static func continued(from headers: HTTPFields) -> TraceContext {
    let parents = headers[values: .traceParent]
    guard !parents.isEmpty else { return .root() }
    return TraceContext(parents: parents, states: headers[values: .traceState])?.child() ?? .root()
  }
}

/// Fewer bytes came than were announced.
private struct TruncatedBody: Error {}

/// The body could not be read because the connection is broken.
private struct BodyFailure: Error {
  let cause: any Error
}
