import ArgumentParser
import FramedRPC
import FramedRPCTLS
import SugangServices

/// How a command that calls a service proves who it is, when the services use TLS.
struct TLSOptions: ParsableArguments {
  @Option(
    name: .customLong("tls-ca"),
    help: ArgumentHelp(
      "The authority of the server's certificate (default: ca.pem in SUGANG_TLS_DIRECTORY).",
      valueName: "file"))
  var authority: String?

  @Option(
    name: .customLong("tls-cert"),
    help: ArgumentHelp(
      "The certificate to show (default: operator.pem in SUGANG_TLS_DIRECTORY).",
      valueName: "file"))
  var certificate: String?

  @Option(
    name: .customLong("tls-key"),
    help: ArgumentHelp(
      "Its private key (default: operator.key in SUGANG_TLS_DIRECTORY).", valueName: "file"))
  var key: String?

  @Option(
    name: .customLong("tls-name"),
    help: ArgumentHelp(
      "The name that the server's certificate must have (default: the service's name).",
      valueName: "name"))
  var name: String?

  func validate() throws {
    guard (self.certificate == nil) == (self.key == nil) else {
      throw ValidationError("--tls-cert and --tls-key belong together.")
    }
  }

  /// Nil when neither a flag nor SUGANG_TLS_DIRECTORY asks for TLS, and for a Unix socket that no
  /// flag speaks of.
  func security(
    to address: RPCAddress, of service: ServiceName?
  ) throws(CommandFailure) -> (any ClientSecurity)? {
    let isAsked = self.authority != nil || self.certificate != nil || self.name != nil
    let folder = Environment["SUGANG_TLS_DIRECTORY"].flatMap { $0.isEmpty ? nil : $0 }
    if !isAsked, case .unix = address { return nil }
    guard isAsked || folder != nil else { return nil }
    guard let files = self.files(folder) else {
      throw CommandFailure("give the authority by --tls-ca, or a folder by SUGANG_TLS_DIRECTORY")
    }
    guard let name = self.name ?? service?.rawValue else {
      throw CommandFailure("give the name that the server at \(address) must have by --tls-name")
    }
    do throws(TLSFileError) {
      return TLSClient(try TLSCredentials(files), serverName: name)
    } catch {
      throw CommandFailure(error.description)
    }
  }

  private func files(_ folder: String?) -> TLSFiles? {
    let defaults = folder.map { TLSFiles(folder: $0, name: ServiceTLS.operatorName) }
    guard let roots = self.authority ?? defaults?.roots else { return nil }
    var files = TLSFiles(roots: roots)
    files.certificate = self.certificate ?? defaults?.certificate
    files.key = self.key ?? defaults?.key
    return files
  }
}
