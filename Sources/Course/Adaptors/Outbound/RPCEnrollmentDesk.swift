import AdaptorSupport
import Contracts
import CourseCore
import FramedRPC
import Kernel

/// Enrollment's desk, asked over the wire.
package struct RPCEnrollmentDesk: EnrollmentDesk {
  private let client: EnrollmentV1.EnrollmentServiceClient
  private let timeout: Duration

  package init(_ channel: any RPCChannel, timeout: Duration = .seconds(1)) {
    self.client = EnrollmentV1.EnrollmentServiceClient(channel)
    self.timeout = timeout
  }

  package func close(_ courseID: CourseID, because cause: Cause) async -> ClosingAnswer {
    CrashPoint.reached(.deskAsked)
    defer { CrashPoint.reached(.deskAnswered) }
    do {
      _ = try await self.client.closeCourse(
        EnrollmentV1.CloseCourseRequest(courseID: courseID.value),
        options: cause.options(timeout: self.timeout))
      return .closed
    } catch let error as RPCError {
      return Self.answer(error)
    } catch {
      return .unknown(reason: "\(error)")
    }
  }

  package func cancellationProgress(
    of courseID: CourseID, because cause: Cause
  ) async -> CancellationProgress? {
    let answer = try? await self.client.getCancellationProgress(
      EnrollmentV1.GetCancellationProgressRequest(courseID: courseID.value),
      options: cause.options(timeout: self.timeout))
    return answer.map {
      CancellationProgress(isHeard: $0.heard, total: $0.total, remaining: $0.remaining)
    }
  }

  /// Only what the runtime vouches for was not heard; everything else may have been (trap T2).
  private static func answer(_ error: RPCError) -> ClosingAnswer {
    if error.problem?.code == "course-has-enrollments" { return .refused }
    return error.notProcessed
      ? .notAsked(reason: error.message) : .unknown(reason: error.message)
  }
}
