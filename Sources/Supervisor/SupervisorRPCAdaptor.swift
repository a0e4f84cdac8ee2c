import Contracts
import FramedRPC

/// Answers `sugang ps`, `stop` and `start` from another process.
package struct SupervisorRPCAdaptor: SupervisorV1.SupervisorServiceHandler {
  private let supervisor: Supervisor

  package init(supervisor: Supervisor) {
    self.supervisor = supervisor
  }

  package func listServices(
    _ request: SupervisorV1.ListServicesRequest, _ context: RPCContext
  ) async throws -> SupervisorV1.ListServicesResponse {
    SupervisorV1.ListServicesResponse(
      services: self.supervisor.services.map(SupervisorV1.ServiceState.init))
  }

  package func stopService(
    _ request: SupervisorV1.StopServiceRequest, _ context: RPCContext
  ) async throws -> SupervisorV1.StopServiceResponse {
    _ = try self.state(of: request.name)
    await self.supervisor.stop(request.name, kill: request.kill)
    return SupervisorV1.StopServiceResponse(service: try self.state(of: request.name))
  }

  package func startService(
    _ request: SupervisorV1.StartServiceRequest, _ context: RPCContext
  ) async throws -> SupervisorV1.StartServiceResponse {
    _ = try self.state(of: request.name)
    await self.supervisor.start(request.name)
    return SupervisorV1.StartServiceResponse(service: try self.state(of: request.name))
  }

  private func state(of name: String) throws(RPCError) -> SupervisorV1.ServiceState {
    if let service = self.supervisor.service(name) {
      return SupervisorV1.ServiceState(service)
    }
    let known = self.supervisor.services.map(\.name).joined(separator: ", ")
    throw RPCError(
      .notFound, "there is no service '\(name)'; there are \(known)", reason: "unknown-service")
  }
}

extension SupervisorV1.ServiceState {
  init(_ service: SupervisedService) {
    self.init(
      name: service.name, state: service.stateInWords, pid: Int64(service.pid ?? 0),
      restarts: Int64(service.restarts))
  }
}
