import AdaptorSupport
import Contracts
import FramedRPC
import FramedRPCConnect
import Kernel
import RESTSupport

/// `POST /package.Service/Method`: the services of the gateway for clients of the Connect protocol,
/// method by method as their descriptors list them.
package struct ConnectAdaptor: RESTAdaptor {
  /// Commands that one service gives another. The public makes them happen by its own ones, as over
  /// REST: money moves when a class is registered or canceled, and gifts follow (T23, T24, T25).
  package static let withheldMethods: Set<String> = [
    EnrollmentV1.EnrollmentService.closeCourse.fullName,
    GiftV1.GiftService.giveGift.fullName,
    PayV1.PayService.approve.fullName,
    PayV1.PayService.refund.fullName,
  ]

  /// Services that are not offered here at all: the events of a service, the desks of
  /// operators, and what only tests and the tutorial know.
  package static let withheldServices: Set<String> = [
    EventsV1.EventFeedService.descriptor.name,
    EventsV1.EventInboxService.descriptor.name,
    ExampleV1.GreeterService.descriptor.name,
    FramedrpcV1.StreamTestService.descriptor.name,
    FramedrpcV1.TestService.descriptor.name,
    MypageV1.MyPageRebuildService.descriptor.name,
    SupervisorV1.SupervisorService.descriptor.name,
  ]

  package let services: [ConnectService]

  package init(_ backends: Gateway.Backends) {
    var options = ConnectService.Options()
    options.details = { Self.details(of: $0) }
    let offered: [(ServiceDescriptor, any RPCChannel)] = [
      (AlertV1.AlertService.descriptor, backends.alert),
      (CourseV1.CourseService.descriptor, backends.course),
      (EnrollmentV1.EnrollmentService.descriptor, backends.enrollment),
      (FramedrpcV1.HealthService.descriptor, backends.health),
      (GiftV1.GiftService.descriptor, backends.gift),
      (MypageV1.MyPageService.descriptor, backends.mypage),
      (PayV1.PayService.descriptor, backends.pay),
      (PointV1.PointService.descriptor, backends.point),
    ]
    self.services = offered.map { descriptor, channel in
      ConnectService(
        descriptor, channel: channel, withheld: Self.withheldMethods, options: options)
    }
  }

  package func addRoutes(to routes: Routes) {
    for service in self.services {
      routes.on(.post, "/\(service.name)/{method}", refusing: Self.refusal) { request in
        RESTResponse(
          await service.answer(
            ConnectRequest(
              method: request.parameter("method") ?? "", headers: request.headerLines,
              body: request.body, requestID: request.caller.requestID)))
      }
    }
  }

  /// The only thing that is refused once the path and the verb are known.
  private static let refusal: Routes.Refusal = { problem in
    RESTResponse(ConnectService.bodyTooLarge(problem.detail))
  }

  /// What a core explained: the wrong fields, and when to come again, which is the same as over REST.
  private static func details(of error: RPCError) -> [ConnectDetail] {
    let problem = error.problem
    var details: [ConnectDetail] = []
    if let fields = problem?.fields, !fields.isEmpty {
      details.append(.badRequest(fields.map { ($0.field, $0.reason) }))
    }
    let isAway = error.status == .unavailable || error.overloaded
    if let seconds = problem?.retryAfterSeconds ?? (isAway ? error.retryAfterSeconds : nil) {
      details.append(.retryInfo(seconds: seconds))
    }
    return details
  }
}

extension RESTResponse {
  fileprivate init(_ answer: ConnectResponse) {
    self.init(
      answer.status, headers: answer.headers.map { ($0.name, $0.value) },
      body: .bytes(answer.body, mediaType: answer.contentType))
  }
}
