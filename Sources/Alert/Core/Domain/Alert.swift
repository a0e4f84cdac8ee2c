import Kernel

/// One message to one person about one fact.
package struct Alert: Hashable, Sendable {
  package enum Status: String, Hashable, Sendable, CaseIterable {
    /// Waiting to be sent.
    case new = "NEW"
    case sent = "SENT"
    /// Was too old when its turn came, and is not sent any more (trap T18).
    case expired = "EXPIRED"
  }

  package let id: AlertID
  package let content: AlertContent
  package private(set) var status: Status

  package init(id: AlertID, content: AlertContent, status: Status = .new) {
    self.id = id
    self.content = content
    self.status = status
  }

  /// - Parameter oldest: What happened before is not worth a message any more.
  package func isExpired(oldest: Timestamp) -> Bool { self.content.createdAt < oldest }

  package mutating func markSent() {
    if self.status == .new { self.status = .sent }
  }

  package mutating func expire() {
    if self.status == .new { self.status = .expired }
  }
}

/// What an alert says, to whom, and by which way.
package struct AlertContent: Hashable, Sendable {
  package let key: AlertKey
  /// nil when it is about a course.
  package let classID: ClassID?
  /// The name of the event: `PaymentApproved`.
  package let eventType: String
  package let message: String
  /// When the thing happened, not when it was heard of: a history read again is old (trap T18).
  package let createdAt: Timestamp

  package init(
    key: AlertKey, classID: ClassID?, eventType: String, message: String, createdAt: Timestamp
  ) {
    self.key = key
    self.classID = classID
    self.eventType = eventType
    self.message = message
    self.createdAt = createdAt
  }
}

/// What makes an alert the same alert: one message for one fact, person and channel (trap T18).
package struct AlertKey: Hashable, Sendable {
  package let eventID: String
  /// The name of a student or a teacher.
  package let recipient: String
  package let channel: AlertChannel

  package init(eventID: String, recipient: String, channel: AlertChannel) {
    self.eventID = eventID
    self.recipient = recipient
    self.channel = channel
  }
}

/// How a message gets to a person.
package enum AlertChannel: String, Hashable, Sendable, CaseIterable {
  /// KakaoTalk.
  case kakao = "KAKAO"
  case sms = "SMS"
}
