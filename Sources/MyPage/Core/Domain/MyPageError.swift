import Kernel

/// What MyPage refuses to do.
package enum MyPageError: DomainError, Hashable {
  case notFound(InquiryMypageID)

  package var problem: Problem {
    switch self {
    case .notFound(let id): .notFound("row of my page", id.description)
    }
  }
}
