import Kernel

/// What callers may ask of Alert.
package protocol AlertPort: Sendable {
  /// - Throws: ``AlertError/notFound(_:)``.
  func alert(_ id: AlertID, by caller: Caller) async throws -> Alert

  func alerts(_ page: PageRequest, by caller: Caller) async throws -> Page<Alert>

  func alerts(of recipient: String, _ page: PageRequest, by caller: Caller) async throws -> Page<
    Alert
  >
}
