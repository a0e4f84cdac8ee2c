import AdaptorSupport
import Contracts
import FramedRPC
import FramedRPCConnect
import Kernel
import NIOCore
import RESTSupport

/// `POST /package.Service/Method`: the services of the gateway for clients of the Connect protocol,
/// method by method as their descriptors list them.
package struct ConnectAdaptor: RESTAdaptor {
  /// Commands that one service gives another. The public makes them happen by its own ones, as over
  /// REST: money moves when a class is registered or canceled, and gifts follow (T23, T24, T25).
  package static let withheldMethods: Set<String> = [
    EnrollmentV1.EnrollmentService.closeCourse.fullName,
    EnrollmentV1.EnrollmentService.getCancellationProgress.fullName,
    GiftV1.GiftService.giveGift.fullName,
    PayV1.PayService.approve.fullName,
    PayV1.PayService.refund.fullName,
  ]

  /// Services that are not offered here at all: the events of a service, the desks of
  /// operators, and what only tests and the tutorial know.
  package static let withheldServices: Set<String> = [
    AdminV1.BackupService.descriptor.name,
    EnrollmentV1.EnrollmentAuditService.descriptor.name,
    EventsV1.EventFeedService.descriptor.name,
    EventsV1.EventInboxService.descriptor.name,
    ExampleV1.GreeterService.descriptor.name,
    FramedrpcV1.StreamTestService.descriptor.name,
    FramedrpcV1.TestService.descriptor.name,
    MypageV1.MyPageRebuildService.descriptor.name,
    PayV1.PaymentAuditService.descriptor.name,
    SupervisorV1.SupervisorService.descriptor.name,
  ]

  package let services: [ConnectService]

  package init(_ backends: Gateway.Backends) {
    var options = ConnectService.Options()
    options.details = { Self.details(of: $0) }
    options.retryAfterSeconds = { Self.retryAfterSeconds(of: $0) }
    let offered: [(ServiceDescriptor, any RPCChannel)] = [
      (AlertV1.AlertService.descriptor, backends.alert),
      (CourseV1.CourseService.descriptor, backends.course),
      (EnrollmentV1.EnrollmentService.descriptor, backends.enrollment),
      (EnrollmentV1.WaitingRoomService.descriptor, backends.enrollment),
      (EnrollmentV1.WaitlistService.descriptor, backends.enrollment),
      (FramedrpcV1.HealthService.descriptor, backends.health),
      (GiftV1.GiftService.descriptor, backends.gift),
      (MypageV1.MyPageService.descriptor, backends.mypage),
      (PayV1.PayService.descriptor, backends.pay),
      (PointV1.PointService.descriptor, backends.point),
    ]
    self.services = offered.map { descriptor, channel in
      ConnectService(
        descriptor, channel: InOwnTime(channel: channel), withheld: Self.withheldMethods,
        options: options)
    }
  }

  package func addRoutes(to routes: Routes) {
    for service in self.services {
      routes.on(.post, "/\(service.name)/{method}", refusing: Self.refusal) { request in
        RESTResponse(
          await service.answer(
            ConnectRequest(
              method: request.parameter("method") ?? "", headers: request.headerLines,
              body: request.body, requestID: request.caller.requestID,
              metadata: request.caller.identityMetadata)))
      }
    }
  }

  /// What is refused once the path and the verb are known: a body that is too large, a request that
  /// is one too many, of all or of its caller.
  private static let refusal: Routes.Refusal = { problem in
    if let challenge = problem.challenge {
      return RESTResponse(ConnectService.unauthenticated(problem.detail, challenge: challenge))
    }
    guard let seconds = problem.retryAfterSeconds else {
      return RESTResponse(ConnectService.bodyTooLarge(problem.detail))
    }
    let status: RPCStatus = problem.status == 429 ? .resourceExhausted : .unavailable
    return RESTResponse(
      ConnectService.refused(
        RPCError(status, problem.detail, reason: problem.code, notProcessed: true),
        retryAfterSeconds: seconds))
  }

  /// What a core explained: the wrong fields.
  private static func details(of error: RPCError) -> [ConnectDetail] {
    guard let fields = error.problem?.fields, !fields.isEmpty else { return [] }
    return [.badRequest(fields.map { ($0.field, $0.reason) })]
  }

  /// The same as over REST.
  private static func retryAfterSeconds(of error: RPCError) -> Int? {
    let isAway = error.status == .unavailable || error.overloaded
    return error.problem?.retryAfterSeconds ?? (isAway ? error.retryAfterSeconds : nil)
  }
}

/// Says UNAVAILABLE where time is over that the client has not set: the service is too slow now, and
/// HTTP's word for that is 503, as over REST. Connect makes 504 of a client's own deadline.
private struct InOwnTime: RPCChannel {
  let channel: any RPCChannel

  var decodeLimits: DecodeLimits { self.channel.decodeLimits }

  func call(_ call: RPCCall) async throws -> ByteBuffer {
    do {
      return try await self.channel.call(call)
    } catch {
      guard let error = error as? RPCError, error.status == .deadlineExceeded,
        RPCContext.current?.deadline == nil
      else { throw error }
      throw RPCError(.unavailable, error.message, notProcessed: error.notProcessed)
    }
  }

  func open(_ call: RPCCall, kind: RPCKind) async throws -> RPCByteStream {
    try await self.channel.open(call, kind: kind)
  }
}

extension RESTResponse {
  fileprivate init(_ answer: ConnectResponse) {
    self.init(
      answer.status, headers: answer.headers.map { ($0.name, $0.value) },
      body: .bytes(answer.body, mediaType: answer.contentType))
  }
}
