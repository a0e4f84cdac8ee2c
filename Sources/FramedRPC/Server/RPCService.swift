public import NIOCore

/// Where the handlers of a service run.
public enum HandlerExecution: Hashable, Sendable {
  /// On the event loop of the connection that the call came on: the fastest, without a change of
  /// thread. Only for handlers that never block their thread and never compute for long: all
  /// connections of the loop stand still meanwhile. To await something is no blocking.
  case eventLoop
  /// On Swift's shared pool of threads, which may wait and compute without holding up any
  /// connection. A handler that blocks still takes one thread of the pool.
  case sharedPool
}

/// The methods of one service, each with the handler that answers it.
///
/// The generator makes these from a handler protocol: `PayV1.PayService.register(handler)`.
public struct RPCService: Sendable {
  public typealias UnaryHandler = @Sendable (RPCUnaryCall) async throws -> ByteBuffer
  /// Returns the last message, if the method has one answer only.
  @usableFromInline
  typealias StreamingHandler =
    @Sendable (RPCByteStream, RPCContext, DecodeLimits) async throws ->
    ByteBuffer?

  @usableFromInline
  enum Handler: Sendable {
    case unary(UnaryHandler)
    case streaming(StreamingHandler)
  }

  @usableFromInline
  struct Method: Sendable {
    @usableFromInline let fullName: String
    let kind: RPCKind
    let execution: HandlerExecution
    var isExempt = false
    var priority = RPCPriority.default
    @usableFromInline let handler: Handler

    @usableFromInline
    init(fullName: String, kind: RPCKind, execution: HandlerExecution, handler: Handler) {
      self.fullName = fullName
      self.kind = kind
      self.execution = execution
      self.handler = handler
    }

    /// The same with another handler.
    func with(_ handler: Handler) -> Method {
      var method = Method(
        fullName: self.fullName, kind: self.kind, execution: self.execution, handler: handler)
      method.isExempt = self.isExempt
      method.priority = self.priority
      return method
    }
  }

  /// `sugang.pay.v1.PayService`
  public let name: String
  public let execution: HandlerExecution
  /// What reflection tells of the service; nil when it was put together by hand.
  public let descriptor: ServiceDescriptor?
  @usableFromInline private(set) var methods: [Method] = []

  public init(name: String, execution: HandlerExecution = .sharedPool) {
    self.name = name
    self.execution = execution
    self.descriptor = nil
  }

  public init(descriptor: ServiceDescriptor, execution: HandlerExecution = .sharedPool) {
    self.name = descriptor.name
    self.execution = execution
    self.descriptor = descriptor
  }

  /// The same service without its methods.
  var withoutMethods: RPCService {
    self.descriptor.map { RPCService(descriptor: $0, execution: self.execution) }
      ?? RPCService(name: self.name, execution: self.execution)
  }

  /// Adds a unary method, answered by `handler`.
  ///
  /// The handler runs where ``execution`` says, from the decoding of the request to the encoding of
  /// the answer, and at the same time as other calls of it. Its task is cancelled when the caller
  /// gives the call up, when the deadline passes (the runtime answers then), when the connection is
  /// lost, and when the server's time to shut down is over; until it returns it counts as a call of
  /// its connection. ``RPCContext/current`` is its context.
  ///
  /// What it throws reaches the caller so: ``RPCError`` as it is, but never "not processed" nor OK;
  /// `CancellationError` as CANCELLED, or DEADLINE_EXCEEDED once the deadline has passed; all else,
  /// also an answer that cannot be encoded, as INTERNAL without saying how. Bytes that are no
  /// request never reach it: INVALID_ARGUMENT with the reason `malformed-message`.
  @inlinable
  public mutating func add<Request: RPCMessage, Response: RPCMessage>(
    _ method: RPCMethod<Request, Response>,
    handler: @escaping @Sendable (Request, RPCContext) async throws -> Response
  ) {
    self.addUnary(method) { try $0.answer(await handler($0.request(), $0.context)) }
  }

  /// Adds a unary method whose handler reads its request and writes its answer itself: what
  /// generated code does, since one asynchronous function a call fewer is worth a twentieth of it.
  /// See ``add(_:handler:)`` for where the handler runs and what it throws.
  @inlinable
  public mutating func addUnary<Request: RPCMessage, Response: RPCMessage>(
    _ method: RPCMethod<Request, Response>, handler: @escaping UnaryHandler
  ) {
    self.append(method, .unary(handler))
  }

  /// Adds a method that answers one request with any number of messages, in the order in which
  /// they are written. See ``add(_:handler:)`` for where the handler runs and what it throws.
  @inlinable
  public mutating func addServerStreaming<Request: RPCMessage, Response: RPCMessage>(
    _ method: RPCMethod<Request, Response>,
    handler: @escaping @Sendable (Request, RPCWriter<Response>, RPCContext) async throws -> Void
  ) {
    self.append(
      method,
      .streaming { stream, context, limits in
        let request = try Request(request: try await stream.onlyRequest(), limits: limits)
        try await handler(request, RPCWriter(stream), context)
        return nil
      })
  }

  /// Adds a method that answers any number of requests with one message.
  @inlinable
  public mutating func addClientStreaming<Request: RPCMessage, Response: RPCMessage>(
    _ method: RPCMethod<Request, Response>,
    handler: @escaping @Sendable (RPCReader<Request>, RPCContext) async throws -> Response
  ) {
    self.append(
      method,
      .streaming { stream, context, limits in
        try await handler(RPCReader(stream, limits: limits, isServer: true), context)
          .encoded(in: context.takeAnswerBuffer())
      })
  }

  /// Adds a method with any number of messages each way, in any order.
  @inlinable
  public mutating func addBidirectional<Request: RPCMessage, Response: RPCMessage>(
    _ method: RPCMethod<Request, Response>,
    handler:
      @escaping @Sendable (RPCReader<Request>, RPCWriter<Response>, RPCContext) async throws
      -> Void
  ) {
    self.append(
      method,
      .streaming { stream, context, limits in
        try await handler(
          RPCReader(stream, limits: limits, isServer: true), RPCWriter(stream), context)
        return nil
      })
  }

  @inlinable
  mutating func append<Request: RPCMessage, Response: RPCMessage>(
    _ method: RPCMethod<Request, Response>, _ handler: Handler
  ) {
    self.append(
      Method(
        fullName: method.fullName, kind: method.kind, execution: self.execution, handler: handler))
  }
}

/// One call of a unary method, as bytes.
public struct RPCUnaryCall: Sendable {
  @usableFromInline let bytes: ByteBuffer
  public let context: RPCContext
  @usableFromInline let limits: DecodeLimits

  init(_ bytes: ByteBuffer, _ context: RPCContext, _ limits: DecodeLimits) {
    self.bytes = bytes
    self.context = context
    self.limits = limits
  }

  /// Reads the request.
  ///
  /// - Throws: ``RPCError`` INVALID_ARGUMENT when the bytes are no such message.
  @inlinable
  public func request<Request: RPCMessage>(
    as type: Request.Type = Request.self
  ) throws(RPCError) -> Request {
    try Request(request: self.bytes, limits: self.limits)
  }

  /// The bytes of the answer.
  ///
  /// - Throws: ``CodecError`` when it cannot be encoded.
  @inlinable
  public func answer(_ response: some RPCMessage) throws(CodecError) -> ByteBuffer {
    try response.encoded(in: self.context.takeAnswerBuffer())
  }
}

extension RPCMessage {
  /// Reads what a caller sent.
  @inlinable
  init(request bytes: ByteBuffer, limits: DecodeLimits) throws(RPCError) {
    do {
      self = try Self(decoding: bytes, limits: limits)
    } catch {
      throw RPCError(
        .invalidArgument, "the request is not a \(Self.messageName): \(error)",
        reason: "malformed-message")
    }
  }
}

extension RPCService {
  @usableFromInline
  mutating func append(_ method: Method) {
    self.methods.append(method)
  }

  /// The same methods, never limited, queued or refused by an ``AdmissionPolicy``: health checks,
  /// which must be answered by a server that is overloaded too, and calls that mostly wait, such as
  /// long polls and endless streams, which would hold places without using them.
  ///
  /// - Parameter fullNames: only these, such as `sugang.pay.v1.PayService/Approve`; nil for all.
  public func exempt(_ fullNames: Set<String>? = nil) -> RPCService {
    var service = self
    for index in service.methods.indices
    where fullNames?.contains(service.methods[index].fullName) ?? true {
      service.methods[index].isExempt = true
    }
    return service
  }

  /// The same methods, with a priority for those calls whose caller gives none.
  ///
  /// - Parameter fullNames: only these; nil for all.
  public func prioritized(
    _ priority: RPCPriority, _ fullNames: Set<String>? = nil
  ) -> RPCService {
    var service = self
    for index in service.methods.indices
    where fullNames?.contains(service.methods[index].fullName) ?? true {
      service.methods[index].priority = priority
    }
    return service
  }
}

extension RPCService {
  /// Answers one call of a unary method, from its bytes to the bytes of the answer, where the caller
  /// runs.
  package typealias UnaryAnswer = @Sendable (ByteBuffer, RPCContext) async throws -> ByteBuffer

  /// The unary methods by their full names, to be called without a connection: by a simulated
  /// network.
  package var unaryAnswers: [String: UnaryAnswer] {
    var answers: [String: UnaryAnswer] = [:]
    for method in self.methods {
      guard case .unary(let handler) = method.handler else { continue }
      answers[method.fullName] = { try await handler(RPCUnaryCall($0, $1, .standard)) }
    }
    return answers
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

  func slot(_ slot: UInt16) -> Int? {
    self.methods.indices.contains(Int(slot)) ? Int(slot) : nil
  }

  func slot(hash: UInt64) -> Int? { self.slots[hash] }
}

/// Why services cannot be served together.
public enum MethodTableError: Error, Hashable, Sendable {
  /// These two methods have one name, or names with one hash.
  case collision(String, String)
  /// More than 65,535.
  case tooManyMethods
}

extension MethodTableError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .collision(let one, let other) where one == other: "\(one) is served twice"
    case .collision(let one, let other): "\(one) and \(other) have the same hash"
    case .tooManyMethods: "more than 65,535 methods"
    }
  }
}
