import FramedRPC
package import FramedRPCTLS
import Logging
import ServiceLifecycle

/// Mutual TLS between the services: each shows a certificate with its own name, and takes calls of
/// the others and of the operator only.
///
/// The folder has `ca.pem`, and for each service NAME.pem and NAME.key; scripts/make-certificates
/// makes them.
package struct ServiceTLS: Sendable {
  /// Who else may call: the command line, by `operator.pem`.
  package static let operatorName = "operator"

  private let credentials: [ServiceName: TLSCredentials]

  /// Nil when the settings ask for plaintext.
  ///
  /// - Parameter names: the services of this process.
  package init?(_ names: [ServiceName], _ settings: ServiceSettings) throws(TLSFileError) {
    guard let folder = settings.tlsFolder else { return nil }
    var credentials: [ServiceName: TLSCredentials] = [:]
    for name in names {
      credentials[name] = try TLSCredentials(TLSFiles(folder: folder, name: name.rawValue))
    }
    self.credentials = credentials
  }

  func server(_ name: ServiceName, logger: Logger) -> (any ServerSecurity)? {
    guard let credentials = self.credentials[name] else { return nil }
    let callers = ServiceName.allCases.map(\.rawValue) + [Self.operatorName]
    return TLSServer(credentials, clients: .named(Set(callers))) { address, reason in
      logger.warning(
        "rpc connection refused", metadata: ["address": "\(address)", "reason": "\(reason)"])
    }
  }

  func client(of caller: ServiceName, to name: ServiceName) -> (any ClientSecurity)? {
    self.credentials[caller].map { TLSClient($0, serverName: name.rawValue) }
  }

  /// Takes up new certificates while the service runs.
  func watch(_ name: ServiceName, logger: Logger) -> (any Service)? {
    self.credentials[name].map { CertificateWatch(credentials: $0, logger: logger) }
  }
}

private struct CertificateWatch: Service {
  let credentials: TLSCredentials
  let logger: Logger

  func run() async throws {
    await cancelWhenGracefulShutdown {
      await self.credentials.watch { error in
        if let error {
          self.logger.error(
            "the new certificate is not used", metadata: ["reason": "\(error)"])
        } else {
          self.logger.info("the certificate was read again")
        }
      }
    }
  }
}
