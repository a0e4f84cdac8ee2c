/// The outcome of a call: the 17 codes of gRPC, with their numbers and their meaning.
///
/// A number that is not known, from a newer peer, is read as ``unknown``.
public enum RPCStatus: UInt8, Hashable, Sendable, CaseIterable {
  /// The call went well; never the status of an error.
  case ok = 0
  /// The caller gave the call up.
  case cancelled = 1
  /// An error that nobody could say more about.
  case unknown = 2
  /// The request can never be carried out, whatever the state of the service.
  case invalidArgument = 3
  /// The time was over. Whether the work was done is open, unless ``RPCError/notProcessed``.
  case deadlineExceeded = 4
  /// What was asked for does not exist.
  case notFound = 5
  /// What was to be made exists already.
  case alreadyExists = 6
  /// The caller is known, and may not do this.
  case permissionDenied = 7
  /// A limit was reached: of the runtime, or a quota of the service.
  case resourceExhausted = 8
  /// The state of the service forbids it; the same call fails again until that has changed.
  case failedPrecondition = 9
  /// Another call came between; the whole transaction may be tried again.
  case aborted = 10
  /// The request goes beyond an end that may move, such as that of a list.
  case outOfRange = 11
  /// The server has no such method, or not for this caller.
  case unimplemented = 12
  /// A defect: a handler failed in a way it did not declare, or an answer could not be read.
  case `internal` = 13
  /// The server cannot be reached now, or is going away; trying again later may help.
  case unavailable = 14
  /// Data are lost or damaged for good.
  case dataLoss = 15
  /// The caller has not said who it is, or not so that it can be believed.
  case unauthenticated = 16

  /// As gRPC spells it: `DEADLINE_EXCEEDED`.
  public var name: String {
    "\(self)".reduce(into: "") { name, character in
      if character.isUppercase { name.append("_") }
      name.append(character.uppercased())
    }
  }
}
