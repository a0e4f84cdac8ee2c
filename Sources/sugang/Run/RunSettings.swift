import Logging
import SugangServices

/// How services run, once every source has been asked.
struct RunSettings: Sendable {
  let services: ServiceSettings
  let balancing: BalancingSetting
  let rpcLimit: LimitSetting
  let restLimit: LimitSetting
  let rateLimit: RateLimitSetting
  let logLevel: Logger.Level

  /// Where this machine itself reaches the services.
  var localHost: String {
    ["0.0.0.0", "::", ""].contains(self.services.host) ? "127.0.0.1" : self.services.host
  }

  func restPort(_ service: ServiceName) -> Int { service.restPort + self.services.portOffset }

  func rpcPort(_ service: ServiceName) -> Int { service.rpcPort + self.services.portOffset }

  /// The flags that make a child run with the same settings, wherever they came from.
  var asFlags: [String] {
    [
      "--host", self.services.host, "--port-offset", "\(self.services.portOffset)",
      "--data", self.services.dataFolder, "--log-level", self.logLevel.rawValue,
      "--pay-limit-won", "\(self.services.payLimitWon)", "--rpc-limit", self.rpcLimit.text,
      "--rest-limit", self.restLimit.text, "--rate-limit", self.rateLimit.text,
      // The supervisor lets the gateway leave first itself, and waits for nobody's load balancer.
      "--drain-seconds", "0",
      "--event-delay-seconds", "\(self.services.eventDelay.components.seconds)",
      "--pending-limit-seconds", "\(self.services.pendingLimitSeconds)",
      "--seat-offer-seconds", "\(self.services.seatOfferSeconds)",
    ] + (self.services.publicBaseURL.map { ["--public-url", $0] } ?? [])
      + PeerOptions.flags(self.services.peers, self.balancing)
      + (self.services.tlsFolder.map { ["--tls-directory", $0] } ?? [])
      + WaitingRoomOptions.flags(self.services.waitingRoom)
      + AuthenticationOptions.flags(self.services.authentication)
  }
}
