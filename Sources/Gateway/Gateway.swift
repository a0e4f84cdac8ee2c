import AlertAdaptors
import Contracts
import CourseAdaptors
import EnrollmentAdaptors
import FramedRPC
import GiftAdaptors
import MyPageAdaptors
import PayAdaptors
import PointAdaptors
import RESTSupport

/// The one public door: every context's own REST adaptor, driven by a client of its port instead of
/// its application (K28), and the same services in the Connect protocol. It keeps no data and knows
/// no rules.
package struct Gateway: Sendable {
  /// How to reach each service.
  package struct Backends: Sendable {
    package let course: any RPCChannel
    package let enrollment: any RPCChannel
    package let pay: any RPCChannel
    package let point: any RPCChannel
    package let gift: any RPCChannel
    package let alert: any RPCChannel
    package let mypage: any RPCChannel
    /// The gateway's own RPC door, which knows whether all the others are ready.
    package let health: any RPCChannel

    package init(
      course: any RPCChannel, enrollment: any RPCChannel, pay: any RPCChannel,
      point: any RPCChannel, gift: any RPCChannel, alert: any RPCChannel,
      mypage: any RPCChannel, health: any RPCChannel
    ) {
      self.course = course
      self.enrollment = enrollment
      self.pay = pay
      self.point = point
      self.gift = gift
      self.alert = alert
      self.mypage = mypage
      self.health = health
    }
  }

  private let backends: Backends
  private let links: Links

  package init(backends: Backends, links: Links) {
    self.backends = backends
    self.links = links
  }

  package var adaptors: [any RESTAdaptor] {
    [
      CourseRESTAdaptor(port: CourseRPCClient(self.backends.course), links: self.links),
      EnrollmentRESTAdaptor(
        port: EnrollmentRPCClient(self.backends.enrollment), links: self.links),
      WaitlistRESTAdaptor(port: WaitlistRPCClient(self.backends.enrollment), links: self.links),
      PayRESTAdaptor(port: PayRPCClient(self.backends.pay), links: self.links),
      PointRESTAdaptor(port: PointRPCClient(self.backends.point), links: self.links),
      GiftRESTAdaptor(port: GiftRPCClient(self.backends.gift), links: self.links),
      AlertRESTAdaptor(port: AlertRPCClient(self.backends.alert), links: self.links),
      MyPageRESTAdaptor(port: MyPageRPCClient(self.backends.mypage), links: self.links),
      IndexRESTAdaptor(links: self.links),
      ConnectAdaptor(self.backends),
    ]
  }
}
