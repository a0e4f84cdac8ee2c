import AdaptorSupport
import AlertCore
import Contracts
import FramedRPC
import Kernel

extension AlertV1.Alert {
  init(_ alert: Alert) {
    let content = alert.content
    self.init(
      id: alert.id.value, classID: content.classID?.value ?? 0,
      recipient: content.key.recipient, channel: content.key.channel.rawValue,
      eventType: content.eventType, message: content.message, status: alert.status.rawValue,
      createdAt: content.createdAt.rfc3339, eventID: content.key.eventID)
  }
}

extension Alert {
  /// - Throws: when the server sent what no alert can be.
  init(_ message: AlertV1.Alert) throws {
    guard let status = Status(rawValue: message.status) else {
      throw RPCError(.internal, "'\(message.status)' is no status of an alert")
    }
    guard let channel = AlertChannel(rawValue: message.channel) else {
      throw RPCError(.internal, "'\(message.channel)' is no channel of an alert")
    }
    guard let createdAt = Timestamp(rfc3339: message.createdAt) else {
      throw RPCError(.internal, "'\(message.createdAt)' is no time")
    }
    self.init(
      id: AlertID(message.id),
      content: AlertContent(
        key: AlertKey(
          eventID: message.eventID, recipient: message.recipient, channel: channel),
        classID: message.classID == 0 ? nil : ClassID(message.classID),
        eventType: message.eventType, message: message.message, createdAt: createdAt),
      status: status)
  }
}
