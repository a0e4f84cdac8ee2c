import AdaptorSupport
import EnrollmentCore
import FramedRPC
import Kernel

/// Answers "unknown" while Pay cannot be heard: down, too slow, or behind an open circuit.
///
/// The class then stays PENDING and is settled later under the same key, so that a student is never
/// told a guess and never waits for a service that is away (R12, R22). Called every time the RPC
/// fails, so that the path is exercised daily.
enum PaymentFallback {
  /// What Pay's core refused it refuses every time, and took no money. Everything else, a timeout
  /// first of all, is no answer (trap T2).
  static func answer(to error: any Error) -> PaymentAnswer {
    guard let error = error as? RPCError else { return .unknown(reason: "\(error)") }
    if let problem = error.problem, problem.kind.isAnswer {
      return .declined(reason: problem.code)
    }
    return .unknown(reason: error.message)
  }
}
