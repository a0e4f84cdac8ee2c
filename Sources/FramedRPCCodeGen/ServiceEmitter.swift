/// Writes a service: its methods, the protocol its handler implements, and its client.
struct ServiceEmitter {
  let service: Service

  func emit(_ writer: inout SwiftWriter) {
    self.emitMethods(&writer)
    writer.line()
    self.emitHandler(&writer)
    writer.line()
    self.emitClient(&writer)
  }

  private func emitMethods(_ writer: inout SwiftWriter) {
    writer.documentation(self.service.comment)
    writer.block("public enum \(self.service.name) {") { writer in
      for method in self.service.methods {
        writer.documentation(method.comment)
        writer.line(
          "public static let \(Naming.method(method.name)) = RPCMethod<"
            + "\(Naming.swiftType(method.input)), \(Naming.swiftType(method.output))>(")
        writer.line(
          "  service: \"\(self.service.fullName)\", name: \"\(method.name)\""
            + "\(method.kindArgument))")
      }
      writer.line()
      writer.line("/// The methods with their messages, for tools that know them by name only.")
      writer.block(
        "public static let descriptor = ServiceDescriptor(name: \"\(self.service.fullName)\", "
          + "methods: [", closing: "])"
      ) { writer in
        for method in self.service.methods {
          writer.line("MethodDescriptor(\(Naming.method(method.name))),")
        }
      }
      writer.line()
      writer.line("/// The service as a server takes it, answered by `handler`.")
      writer.line("///")
      writer.line(
        "/// - Parameter execution: where the handler runs; `.eventLoop` only when it never")
      writer.line("///   blocks and never computes for long.")
      writer.block(
        "public static func register(_ handler: some \(self.service.name)Handler, "
          + "on execution: HandlerExecution = .sharedPool) -> RPCService {"
      ) { writer in
        writer.line(
          "var service = RPCService(descriptor: Self.descriptor, execution: execution)")
        for method in self.service.methods {
          writer.line("service.\(method.registration)")
        }
        writer.line("return service")
      }
    }
  }

  private func emitHandler(_ writer: inout SwiftWriter) {
    writer.line("/// Answers the calls of \(self.service.name), many at once.")
    writer.line("///")
    writer.line(
      "/// Runs where `register` says: on the shared pool of threads, or on the event loop of a")
    writer.line(
      "/// connection, where it must not block. Its task is cancelled when the caller leaves or the"
    )
    writer.line(
      "/// deadline passes. An `RPCError` reaches the caller as it is; `CancellationError` becomes")
    writer.line(
      "/// CANCELLED, or DEADLINE_EXCEEDED after the deadline; any other error becomes INTERNAL.")
    writer.block("public protocol \(self.service.name)Handler: Sendable {") { writer in
      for method in self.service.methods {
        writer.documentation(method.comment)
        writer.line(method.handlerRequirement)
      }
    }
  }

  private func emitClient(_ writer: inout SwiftWriter) {
    writer.line("/// Calls \(self.service.name) through a channel.")
    writer.block("public struct \(self.service.name)Client: Sendable {") { writer in
      writer.line("public let channel: any RPCChannel")
      writer.line()
      writer.block("public init(_ channel: any RPCChannel) {") {
        $0.line("self.channel = channel")
      }
      for method in self.service.methods {
        let name = Naming.method(method.name)
        writer.line()
        writer.documentation(method.comment)
        writer.block(method.clientSignature) { writer in
          writer.line(
            "try await self.channel.\(method.channelFunction)(\(self.service.name).\(name), "
              + "\(method.clientStreams ? "" : "request, ")options: options)")
        }
      }
    }
  }
}

extension Service.Method {
  private var request: String { Naming.swiftType(self.input) }
  private var response: String { Naming.swiftType(self.output) }

  /// What `RPCKind` calls it, and the channel's function for it.
  fileprivate var channelFunction: String {
    switch (self.clientStreams, self.serverStreams) {
    case (false, false): "unary"
    case (false, true): "serverStreaming"
    case (true, false): "clientStreaming"
    case (true, true): "bidirectional"
    }
  }

  fileprivate var kindArgument: String {
    self.channelFunction == "unary" ? "" : ", kind: .\(self.channelFunction)"
  }

  /// How the method is added to its service.
  fileprivate var registration: String {
    let name = Naming.method(self.name)
    return switch (self.clientStreams, self.serverStreams) {
    case (false, false):
      "addUnary(\(name)) { try $0.answer(await handler.\(name)($0.request(), $0.context)) }"
    case (false, true): "addServerStreaming(\(name)) { try await handler.\(name)($0, $1, $2) }"
    case (true, false): "addClientStreaming(\(name)) { try await handler.\(name)($0, $1) }"
    case (true, true): "addBidirectional(\(name)) { try await handler.\(name)($0, $1, $2) }"
    }
  }

  fileprivate var handlerRequirement: String {
    let requests =
      self.clientStreams
      ? "_ requests: RPCReader<\(self.request)>" : "_ request: \(self.request)"
    let responses = self.serverStreams ? ", _ responses: RPCWriter<\(self.response)>" : ""
    let result = self.serverStreams ? "" : " -> \(self.response)"
    return "func \(Naming.method(self.name))(\(requests)\(responses), _ context: RPCContext) "
      + "async throws\(result)"
  }

  fileprivate var clientSignature: String {
    let request = self.clientStreams ? "" : "_ request: \(self.request), "
    let result =
      switch (self.clientStreams, self.serverStreams) {
      case (false, false): self.response
      case (false, true): "RPCReader<\(self.response)>"
      case (true, false): "RPCUpload<\(self.request), \(self.response)>"
      case (true, true): "RPCStream<\(self.request), \(self.response)>"
      }
    return "public func \(Naming.method(self.name))(\(request)"
      + "options: CallOptions = CallOptions()) async throws -> \(result) {"
  }
}
