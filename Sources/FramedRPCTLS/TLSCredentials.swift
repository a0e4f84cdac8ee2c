import Foundation
import NIOCore
import NIOSSL
import Synchronization

/// The files of ``TLSCredentials``, in PEM: whom to trust, and who one is.
public struct TLSFiles: Hashable, Sendable {
  /// Certificates of the authorities that a peer's certificate must come from. The system's own
  /// are never used.
  public var roots: String
  /// The own certificate, and after it those between it and a root; nil for a client without one.
  public var certificate: String?
  /// The private key of ``certificate``.
  public var key: String?

  public init(roots: String, certificate: String, key: String) {
    self.roots = roots
    self.certificate = certificate
    self.key = key
  }

  /// For a client that shows no certificate.
  public init(roots: String) {
    self.roots = roots
  }

  /// `ca.pem`, `NAME.pem` and `NAME.key` of a folder, as `scripts/make-certificates` makes them.
  public init(folder: String, name: String) {
    self.init(
      roots: "\(folder)/ca.pem", certificate: "\(folder)/\(name).pem",
      key: "\(folder)/\(name).key")
  }

  var all: [String] { [self.roots] + [self.certificate, self.key].compactMap(\.self) }
}

/// Why certificates or a key cannot be used.
public struct TLSFileError: Error, Hashable, Sendable, CustomStringConvertible {
  public let path: String
  /// For people.
  public let reason: String

  public var description: String { "\(self.path): \(self.reason)" }
}

/// Certificates and a key that can be read again while connections live on: a connection keeps
/// those it began with, the next one gets the new.
public final class TLSCredentials: Sendable {
  /// What connections are made from.
  struct Contexts {
    let client: NIOSSLContext
    /// Nil without a certificate of one's own.
    let server: NIOSSLContext?
    /// Requires a certificate of the client.
    let mutualServer: NIOSSLContext?
  }

  private struct State {
    var contexts: Contexts
    /// What the files were when they were last read, whether or not they could be used.
    var stamps: [FileStamp?]
  }

  public let files: TLSFiles
  private let state: Mutex<State>

  /// Reads the files; blocks meanwhile.
  public init(_ files: TLSFiles) throws(TLSFileError) {
    self.files = files
    let stamps = files.all.map(FileStamp.init(path:))
    self.state = Mutex(State(contexts: try Contexts(files), stamps: stamps))
  }

  var contexts: Contexts { self.state.withLock { $0.contexts } }

  /// Reads the files again; blocks meanwhile.
  ///
  /// - Throws: when they cannot be used; the old ones stay in use then.
  public func reload() throws(TLSFileError) {
    let stamps = self.files.all.map(FileStamp.init(path:))
    self.state.withLock { $0.stamps = stamps }
    let contexts = try Contexts(self.files)
    self.state.withLock { $0.contexts = contexts }
  }

  /// Reads the files again when one of them is another than it was: by its number, size or time of
  /// change. Files that could not be used are not tried twice.
  ///
  /// - Returns: whether new ones are in use now.
  /// - Throws: when they cannot be used; the old ones stay in use then.
  public func reloadIfChanged() throws(TLSFileError) -> Bool {
    let stamps = self.files.all.map(FileStamp.init(path:))
    guard stamps != self.state.withLock({ $0.stamps }) else { return false }
    try self.reload()
    return true
  }

  /// Calls ``reloadIfChanged()`` again and again until its task is cancelled. A certificate and its
  /// key that are replaced one after the other do no harm: what does not fit is reported, and read
  /// again with the next change.
  ///
  /// - Parameter report: told of every reload, with nil when the new files are in use.
  public func watch(
    every interval: Duration = .seconds(10), report: @Sendable (TLSFileError?) -> Void
  ) async {
    while !Task.isCancelled {
      try? await Task.sleep(for: interval)
      do throws(TLSFileError) {
        if try self.reloadIfChanged() { report(nil) }
      } catch {
        report(error)
      }
    }
  }
}

/// What tells whether a file is still the one it was.
private struct FileStamp: Hashable {
  let number: Int
  let size: Int
  let changed: Date

  /// Nil when there is no such file.
  init?(path: String) {
    // Of what a link leads to: a mounted secret is changed by its link.
    let target = URL(filePath: path).resolvingSymlinksInPath().path
    guard let attributes = try? FileManager.default.attributesOfItem(atPath: target) else {
      return nil
    }
    self.number = attributes[.systemFileNumber] as? Int ?? 0
    self.size = attributes[.size] as? Int ?? 0
    self.changed = attributes[.modificationDate] as? Date ?? .distantPast
  }
}

extension TLSCredentials.Contexts {
  init(_ files: TLSFiles) throws(TLSFileError) {
    let roots = try Self.certificates(files.roots)
    var chain: [NIOSSLCertificate] = []
    var key: NIOSSLPrivateKey?
    if let certificate = files.certificate, let keyFile = files.key {
      chain = try Self.certificates(certificate)
      key = try Self.key(keyFile)
    }
    self.client = try Self.context(files, roots, chain, key, .makeClientConfiguration()) {
      // The name is compared by ``TLSGate``, with what NIOSSL does not know: names without dots
      // that are no host's, and URIs.
      $0.certificateVerification = .noHostnameVerification
    }
    guard let key else {
      self.server = nil
      self.mutualServer = nil
      return
    }
    let server = TLSConfiguration.makeServerConfiguration(
      certificateChain: [], privateKey: .privateKey(key))
    self.server = try Self.context(files, roots, chain, key, server) {
      $0.certificateVerification = .none
    }
    self.mutualServer = try Self.context(files, roots, chain, key, server) {
      $0.certificateVerification = .noHostnameVerification
    }
  }

  /// How long a peer may take to say farewell, as over plain TCP.
  private static let shutdownTimeout: TimeAmount = .seconds(2)

  private static func context(
    _ files: TLSFiles, _ roots: [NIOSSLCertificate], _ chain: [NIOSSLCertificate],
    _ key: NIOSSLPrivateKey?, _ base: TLSConfiguration,
    _ change: (inout TLSConfiguration) -> Void
  ) throws(TLSFileError) -> NIOSSLContext {
    var configuration = base
    configuration.minimumTLSVersion = .tlsv13
    configuration.trustRoots = .certificates(roots)
    configuration.certificateChain = chain.map { .certificate($0) }
    configuration.privateKey = key.map { .privateKey($0) }
    configuration.shutdownTimeout = Self.shutdownTimeout
    change(&configuration)
    do {
      return try NIOSSLContext(configuration: configuration)
    } catch {
      throw TLSFileError(
        path: files.key ?? files.roots, reason: "the key is not that of the certificate")
    }
  }

  private static func certificates(_ path: String) throws(TLSFileError) -> [NIOSSLCertificate] {
    let bytes = try Self.bytes(path)
    guard let certificates = try? NIOSSLCertificate.fromPEMBytes(bytes), !certificates.isEmpty
    else {
      throw TLSFileError(path: path, reason: "there is no certificate in PEM in it")
    }
    let now = Date().timeIntervalSince1970
    guard certificates.allSatisfy({ Double($0.notValidAfter) > now }) else {
      throw TLSFileError(path: path, reason: "the certificate has expired")
    }
    return certificates
  }

  private static func key(_ path: String) throws(TLSFileError) -> NIOSSLPrivateKey {
    let bytes = try Self.bytes(path)
    do {
      return try NIOSSLPrivateKey(bytes: bytes, format: .pem)
    } catch {
      throw TLSFileError(path: path, reason: "there is no private key in PEM in it")
    }
  }

  private static func bytes(_ path: String) throws(TLSFileError) -> [UInt8] {
    do {
      return Array(try Data(contentsOf: URL(filePath: path)))
    } catch {
      throw TLSFileError(path: path, reason: "it cannot be read: \(error.localizedDescription)")
    }
  }
}
