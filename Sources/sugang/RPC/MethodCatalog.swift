import FramedRPC
import FramedRPCJSON
import NIOCore

/// What a server says of its services by reflection, found by whole or partial name.
///
/// Nothing here comes from generated code, except the messages of reflection itself: the same
/// executable talks to any FramedRPC server.
struct MethodCatalog {
  struct Method {
    /// `sugang.pay.v1.PayService`
    let service: String
    /// `Approve`
    let name: String
    let kind: FramedrpcV1.MethodKind
    let requestType: String
    let responseType: String

    /// `sugang.pay.v1.PayService/Approve`
    var fullName: String { "\(self.service)/\(self.name)" }
    /// `PayService/Approve`
    var shortName: String { String(self.fullName[self.fullName.afterLastDot...]) }
  }

  let services: [FramedrpcV1.ServiceSchema]

  init(_ services: [FramedrpcV1.ServiceSchema]) {
    self.services = services
  }

  /// Asks the server.
  ///
  /// - Throws: ``CommandFailure`` when the server offers no reflection, `RPCError` when it cannot
  ///   be asked.
  static func read(from server: any RPCChannel, _ options: CallOptions) async throws
    -> MethodCatalog
  {
    do {
      let answer = try await FramedrpcV1.ReflectionServiceClient(server).listServices(
        FramedrpcV1.ListServicesRequest(), options: options)
      return MethodCatalog(answer.services)
    } catch let error as RPCError where error.status == .unimplemented {
      throw CommandFailure(
        "the server offers no reflection (framedrpc.v1.ReflectionService), so that nobody can say "
          + "what its methods take and give")
    }
  }

  var methods: [Method] {
    self.services.flatMap { service in
      service.methods.map {
        Method(
          service: service.name, name: $0.name, kind: $0.kind, requestType: $0.requestType,
          responseType: $0.responseType)
      }
    }
  }

  /// The one method that `name` means.
  func method(named name: String) throws(CommandFailure) -> Method {
    let found = self.methods.filter { $0.isCalled(name) }
    if let method = found.first, found.count == 1 { return method }
    guard found.isEmpty else {
      throw CommandFailure(
        "more than one service has a method \(name); say which:"
          + found.map { "\n  \($0.shortName)" }.joined())
    }
    throw CommandFailure(
      "there is no method \(name)" + self.suggestion(for: name, among: self.spellings(like: name)))
  }

  /// The one service that `name` means, nil for none.
  func service(named name: String) throws(CommandFailure) -> FramedrpcV1.ServiceSchema? {
    let found = self.services.filter { $0.name == name || $0.name.hasSuffix(".\(name)") }
    guard found.count > 1 else { return found.first }
    throw CommandFailure(
      "more than one service is called \(name); say which:"
        + found.map { "\n  \($0.name)" }.joined())
  }

  /// That there is nothing called `name`, and what comes near.
  func nothing(named name: String, amongTypes types: [String] = []) -> CommandFailure {
    let services = self.services.map { String($0.name[$0.name.afterLastDot...]) }
    let types = types.map { name.contains(".") ? $0 : String($0[$0.afterLastDot...]) }
    return CommandFailure(
      "the server has no \(name)"
        + self.suggestion(for: name, among: self.spellings(like: name) + services + types))
  }

  /// Every method, spelled with as many parts as `name` has.
  private func spellings(like name: String) -> [String] {
    guard name.contains("/") else { return Array(Set(self.methods.map(\.name))) }
    return self.methods.map(name.contains(".") ? \.fullName : \.shortName)
  }

  private func suggestion(for name: String, among candidates: [String]) -> String {
    let near = Suggestion.nearest(to: name, in: candidates)
    return near.isEmpty
      ? "; 'sugang rpc describe ADDRESS' shows all"
      : "; did you mean \(near.joined(separator: " or "))?"
  }
}

extension MethodCatalog.Method {
  func isCalled(_ name: String) -> Bool {
    self.fullName == name || self.shortName == name || self.name == name
      || self.fullName.hasSuffix(".\(name)")
      // grpcurl also takes a dot before the method.
      || "\(self.service).\(self.name)" == name
  }
}

extension String {
  fileprivate var afterLastDot: Index {
    self.lastIndex(of: ".").map(self.index(after:)) ?? self.startIndex
  }
}

/// A method with the messages it takes and gives.
struct DescribedMethod {
  let method: MethodCatalog.Method
  let request: MessageSchema
  let response: MessageSchema

  /// Finds the method that `name` means and asks the server for its messages.
  static func find(
    _ name: String, on server: any RPCChannel, _ options: CallOptions
  ) async throws -> DescribedMethod {
    let method = try await MethodCatalog.read(from: server, options).method(named: name)
    let types = try await SchemaSet.read(ofService: method.service, from: server, options)
    guard let request = types.message(named: method.requestType),
      let response = types.message(named: method.responseType)
    else {
      throw CommandFailure(
        "the server does not say what \(method.shortName) takes and gives: its service was made by "
          + "hand, without a descriptor")
    }
    return DescribedMethod(method: method, request: request, response: response)
  }
}

extension SchemaSet {
  static func read(
    ofService name: String, from server: any RPCChannel, _ options: CallOptions
  ) async throws -> SchemaSet {
    let answer = try await FramedrpcV1.ReflectionServiceClient(server).describeService(
      FramedrpcV1.DescribeServiceRequest(service: name), options: options)
    return try Self.made(of: DescribedTypes(messages: answer.messages, enums: answer.enums))
  }

  static func made(of types: DescribedTypes) throws(CommandFailure) -> SchemaSet {
    do throws(TranscodingError) {
      return try SchemaSet(types)
    } catch {
      throw CommandFailure("the server's reflection contradicts itself: \(error)")
    }
  }
}
