import NIOCore
import Synchronization

/// Where the weights of ``BalancingPolicy/weightedRoundRobin(_:)`` come from. With other policies
/// nothing here listens to anybody.
extension BalancedClient {
  /// The call, with an ear for the report that its answer may carry.
  func hearing(_ call: RPCCall, at id: Balancer.EndpointID) -> RPCCall {
    guard case .perCall = self.reports else { return call }
    var call = call
    let told = call.options.onResponseMetadata
    call.options.onResponseMetadata = { [weak self] metadata in
      if let report = LoadReport(metadata) { self?.heard(report, from: id) }
      told?(metadata)
    }
    return call
  }

  /// Subscribes to the reports of endpoints that are new. Under the lock.
  func subscribe(_ state: inout State) {
    guard case .outOfBand(let interval) = self.reports else { return }
    for endpoint in state.balancer.endpoints where state.subscriptions[endpoint.id] == nil {
      let channel = endpoint.channel.intercepted(by: self.reportInterceptors)
      // Detached: the context of whoever is resolving is of no interest here.
      state.subscriptions[endpoint.id] = Task.detached {
        [weak self, clock = self.clock, id = endpoint.id] in
        var failures = 0
        while !Task.isCancelled {
          do {
            let reports = try await channel.loadReports(
              every: interval, options: CallOptions(timeout: nil, waitForReady: true))
            for try await report in reports {
              failures = 0
              self?.heard(report, from: id)
            }
          } catch {
            // Whatever it is: a server without reports, too, may be followed by one that has them.
          }
          guard let delay = self?.resubscription(failures) else { return }
          failures += 1
          guard (try? await clock.sleep(delay)) != nil else { return }
        }
      }
    }
  }

  private func heard(_ report: LoadReport, from id: Balancer.EndpointID) {
    let now = self.clock.now()
    self.state.withLock { $0.balancer.heard(report, from: id, now: now) }
  }

  /// The times are those of gRPC's connection backoff, with full jitter.
  private func resubscription(_ failures: Int) -> TimeAmount {
    let policy = RetryPolicy(
      firstBackoff: .seconds(1), multiplier: 1.6, maxBackoff: .seconds(120))
    return policy.backoff(
      step: failures, jitter: self.state.withLock { $0.balancer.jitter() })
  }
}
