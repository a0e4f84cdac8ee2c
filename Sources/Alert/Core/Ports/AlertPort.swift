import Kernel

/// What callers may ask of Alert.
package protocol AlertPort: Sendable {
  /// - Throws: ``AlertError/notFound(_:)``.
  func alert(_ id: AlertID) async throws -> Alert

  func alerts(_ page: PageRequest) async throws -> Page<Alert>

  func alerts(of recipient: String, _ page: PageRequest) async throws -> Page<Alert>
}
