public import NIOCore

/// The methods of one service, each with the handler that answers it.
///
/// The generator makes these from a handler protocol: `PayV1.PayService.register(handler)`.
public struct RPCService: Sendable {
  @usableFromInline
  typealias Handler = @Sendable (ByteBuffer, RPCContext, DecodeLimits) async throws -> ByteBuffer

  @usableFromInline
  struct Method: Sendable {
    @usableFromInline let fullName: String
    @usableFromInline let handler: Handler

    @usableFromInline
    init(fullName: String, handler: @escaping Handler) {
      self.fullName = fullName
      self.handler = handler
    }
  }

  /// `sugang.pay.v1.PayService`
  public let name: String
  @usableFromInline private(set) var methods: [Method] = []

  public init(name: String) {
    self.name = name
  }

  /// Adds a unary method.
  @inlinable
  public mutating func add<Request: RPCMessage, Response: RPCMessage>(
    _ method: RPCMethod<Request, Response>,
    handler: @escaping @Sendable (Request, RPCContext) async throws -> Response
  ) {
    self.append(
      Method(fullName: method.fullName) { bytes, context, limits in
        let request: Request
        do {
          request = try Request(decoding: bytes, limits: limits)
        } catch {
          throw RPCError(
            .invalidArgument, "the request is not a \(Request.messageName): \(error)",
            reason: "malformed-message")
        }
        return try await handler(request, context).encoded()
      })
  }
}

extension RPCService {
  @usableFromInline
  mutating func append(_ method: Method) {
    self.methods.append(method)
  }
}

/// The methods of a server by slot and by hash.
package struct MethodTable: Sendable {
  let methods: [RPCService.Method]
  private let slots: [UInt64: Int]

  /// - Throws: ``MethodTableError`` when two methods have one name or one hash, or there are more
  ///   than slots.
  package init(_ services: [RPCService]) throws(MethodTableError) {
    self.methods = services.flatMap(\.methods)
    guard self.methods.count < Self.slotByHash else { throw .tooManyMethods }
    var slots: [UInt64: Int] = [:]
    for (slot, method) in self.methods.enumerated() {
      let hash = MethodHash.hash(method.fullName)
      if let other = slots.updateValue(slot, forKey: hash) {
        throw .collision(self.methods[other].fullName, method.fullName)
      }
    }
    self.slots = slots
  }

  /// The slot that says "the method's hash begins the body".
  package static let slotByHash = 0xFFFF

  func method(slot: UInt16) -> RPCService.Method? {
    self.methods.indices.contains(Int(slot)) ? self.methods[Int(slot)] : nil
  }

  func method(hash: UInt64) -> RPCService.Method? {
    self.slots[hash].map { self.methods[$0] }
  }
}

package enum MethodTableError: Error, Hashable, Sendable {
  case collision(String, String)
  case tooManyMethods
}
