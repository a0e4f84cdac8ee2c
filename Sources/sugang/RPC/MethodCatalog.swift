import Contracts
import FramedRPC
import FramedRPCJSON

/// The methods whose messages this build knows, found by whole or partial name.
struct MethodCatalog {
  struct Method {
    let fullName: String
    let request: MessageSchema
    let response: MessageSchema

    /// `sugang.pay.v1.PayService`
    var service: String { String(self.fullName.prefix { $0 != "/" }) }
    /// `Approve`
    var name: String { String(self.fullName.drop { $0 != "/" }.dropFirst()) }
    /// `PayService/Approve`
    var shortName: String { String(self.fullName[self.fullName.afterLastDot...]) }
  }

  let methods: [Method]

  static let known = MethodCatalog(AllServices.descriptors)

  init(_ services: [ServiceDescriptor]) {
    self.methods = services.flatMap(\.methods).map { method in
      Method(
        fullName: method.fullName, request: MessageSchema(method.request),
        response: MessageSchema(method.response))
    }
  }

  var services: [String] {
    self.methods.map(\.service).reduce(into: []) { services, name in
      if services.last != name { services.append(name) }
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

  /// All methods of a service, or the one method that `name` means.
  func methods(ofServiceOrMethod name: String) throws(CommandFailure) -> [Method] {
    let ofService = self.methods.filter {
      $0.service == name || $0.service.hasSuffix(".\(name)")
    }
    guard ofService.isEmpty else { return ofService }
    let found = self.methods.filter { $0.isCalled(name) }
    guard found.isEmpty else { return found }
    let services = self.services.map { String($0[$0.afterLastDot...]) }
    throw CommandFailure(
      "there is no service or method \(name)"
        + self.suggestion(for: name, among: self.spellings(like: name) + services))
  }

  /// Every method, spelled with as many parts as `name` has.
  private func spellings(like name: String) -> [String] {
    guard name.contains("/") else { return Array(Set(self.methods.map(\.name))) }
    return self.methods.map(name.contains(".") ? \.fullName : \.shortName)
  }

  private func suggestion(for name: String, among candidates: [String]) -> String {
    let near = Suggestion.nearest(to: name, in: candidates)
    return near.isEmpty
      ? "; 'sugang rpc describe' lists all" : "; did you mean \(near.joined(separator: " or "))?"
  }
}

extension MethodCatalog.Method {
  func isCalled(_ name: String) -> Bool {
    self.fullName == name || self.shortName == name || self.name == name
      || self.fullName.hasSuffix(".\(name)")
      // grpcurl also takes a dot before the method.
      || self.fullName.split(separator: "/").joined(separator: ".") == name
  }
}

extension String {
  fileprivate var afterLastDot: Index {
    self.lastIndex(of: ".").map(self.index(after:)) ?? self.startIndex
  }
}
