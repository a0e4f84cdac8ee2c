import EnrollmentCore
import FramedRPC
import PayCore

/// What a service needs to know of its surroundings.
public struct ServiceSettings: Sendable {
  public static let defaultPayLimitWon = PaymentPolicy.defaultLimitWon
  public static let defaultPendingLimitSeconds = TimeOutPending.defaultLimitSeconds
  public static let defaultSeatOfferSeconds = SeatPolicy.defaultOfferSeconds

  /// The address to bind and to find the others at.
  public var host: String
  /// Added to every port.
  public var portOffset: Int
  /// One SQLite file a service lies in here.
  public var dataFolder: String
  /// What links in answers begin with; nil is the gateway on this machine.
  public var publicBaseURL: String?
  /// The largest payment that Pay takes, in won.
  public var payLimitWon: Int64
  /// How long a service that is told to stop goes on serving while `/readyz` says that it leaves.
  public var drainDelay: Duration
  /// How long deliveries, points, gifts, alerts and my page let a service that answers calls go
  /// first, at each fetch of its events.
  public var eventDelay: Duration
  /// Where `ca.pem` and each service's NAME.pem and NAME.key lie; nil is plaintext. With it the
  /// services use mutual TLS among themselves and with everybody else.
  public var tlsFolder: String?
  /// Enrollment → Pay and Point → Gift: how long one call may take.
  public var callTimeout: Duration
  public var breaker: CircuitBreakerPolicy
  public var bulkhead: BulkheadPolicy
  /// How many calls a service's RPC server runs at once; nil for as many as come.
  public var admission: AdmissionPolicy?
  /// Where other services are, when they are not on this machine's usual ports. Several endpoints
  /// of one service must answer from the same data.
  public var peers: [ServiceName: RPCTarget]
  /// How the others are called.
  public var callPolicy: ClientPolicy
  /// The bearer token that every RPC port demands and every client sends; nil demands none.
  public var rpcToken: String?
  /// Whose tokens are good on the REST ports; nil: nobody asks who comes, as in the seed.
  public var authentication: AuthenticationSettings?
  /// How many requests a service's REST server runs at once; nil for as many as come.
  public var restAdmission: AdmissionPolicy?
  /// How fast each caller may send requests to the gateway; nil for as fast as it likes.
  public var rateLimit: RateLimitPolicy?
  /// A class whose payment has been unknown for longer is canceled, in seconds.
  public var pendingLimitSeconds: Int64
  /// For how long a free seat is kept for the next in line, in seconds.
  public var seatOfferSeconds: Int64
  public var waitingRoom: WaitingRoomSettings

  public init(
    host: String = "127.0.0.1", portOffset: Int = 0, dataFolder: String,
    publicBaseURL: String? = nil, payLimitWon: Int64 = ServiceSettings.defaultPayLimitWon,
    drainDelay: Duration = .zero, eventDelay: Duration = .zero, tlsFolder: String? = nil,
    callTimeout: Duration = .milliseconds(800),
    breaker: CircuitBreakerPolicy = ServiceSettings.standardBreaker,
    bulkhead: BulkheadPolicy = BulkheadPolicy(),
    admission: AdmissionPolicy? = ServiceSettings.standardAdmission,
    peers: [ServiceName: RPCTarget] = [:],
    callPolicy: ClientPolicy = CallPolicy.standard, rpcToken: String? = nil,
    authentication: AuthenticationSettings? = nil,
    restAdmission: AdmissionPolicy? = ServiceSettings.standardRESTAdmission,
    rateLimit: RateLimitPolicy? = nil,
    pendingLimitSeconds: Int64 = ServiceSettings.defaultPendingLimitSeconds,
    seatOfferSeconds: Int64 = ServiceSettings.defaultSeatOfferSeconds,
    waitingRoom: WaitingRoomSettings = WaitingRoomSettings()
  ) {
    self.host = host
    self.portOffset = portOffset
    self.dataFolder = dataFolder
    self.publicBaseURL = publicBaseURL
    self.payLimitWon = payLimitWon
    self.drainDelay = drainDelay
    self.eventDelay = eventDelay
    self.tlsFolder = tlsFolder
    self.callTimeout = callTimeout
    self.breaker = breaker
    self.bulkhead = bulkhead
    self.admission = admission
    self.peers = peers
    self.callPolicy = callPolicy
    self.rpcToken = rpcToken
    self.authentication = authentication
    self.restAdmission = restAdmission
    self.rateLimit = rateLimit
    self.pendingLimitSeconds = pendingLimitSeconds
    self.seatOfferSeconds = seatOfferSeconds
    self.waitingRoom = waitingRoom
  }

  /// A page of 1,000 items with the longest texts fits into a frame.
  static let rpcLimits = RPCLimits(maxFrameBytes: 4 * 1024 * 1024)

  /// A limit that follows the latency, at most 1,024 calls. A call waits for less than a third of
  /// ``callTimeout``: what waits for longer is better told to come again.
  public static let standardAdmission = AdmissionPolicy()

  /// So many calls at once, whatever the latency.
  public static func fixedAdmission(_ limit: Int) -> AdmissionPolicy {
    AdmissionPolicy(limit: .fixed(limit))
  }

  /// A limit that follows the latency. A hundred clients that each wait for their answers are no
  /// overload: the limit does not sink below what they need. None waits for a place: who is refused
  /// is to be told within 10 ms, in which hardly a place becomes free, and a refusal that comes after
  /// a wait costs many times one at the door.
  public static let standardRESTAdmission = AdmissionPolicy(
    limit: .adaptive(AdaptiveLimitPolicy(initial: 256, min: 128, max: 2_048)), maxQueuedCalls: 0,
    maxQueueTime: .milliseconds(5))

  /// So many requests at once, whatever the latency.
  public static func fixedRESTAdmission(_ limit: Int) -> AdmissionPolicy {
    AdmissionPolicy(limit: .fixed(limit), maxQueuedCalls: 0, maxQueueTime: .milliseconds(5))
  }

  /// Slow is more than half of the call's time; few calls are enough for a verdict, since a
  /// student waits behind each of them.
  public static let standardBreaker = CircuitBreakerPolicy(
    minimumCalls: 5, slowCall: .milliseconds(400), firstOpenTime: .milliseconds(500),
    maxOpenTime: .seconds(1))

  var links: String {
    self.publicBaseURL ?? Self.localLinks(port: ServiceName.gateway.restPort + self.portOffset)
  }

  static func localLinks(port: Int) -> String { "http://localhost:\(port)" }
}
