import AlertCore
import JSON
import Kernel
import RESTSupport

/// `/alerts`: what was told to whom, to be read only (trap T23).
package struct AlertRESTAdaptor: RESTAdaptor {
  private let port: any AlertPort
  private let links: Links

  package init(port: any AlertPort, links: Links) {
    self.port = port
    self.links = links
  }

  package func addRoutes(to routes: Routes) {
    let port = self.port
    let alerts = HALResource<Alert, AlertKind>(
      "alerts", item: "alert", links: self.links, id: \.id,
      fields: [
        "classId": { $0.content.classID.map { .integer($0.value) } ?? .null },
        "recipient": { .string($0.content.key.recipient) },
        "channel": { .string($0.content.key.channel.rawValue) },
        "eventType": { .string($0.content.eventType) },
        "message": { .string($0.content.message) },
        "status": { .string($0.status.rawValue) },
        "createdAt": { .string($0.content.createdAt.rfc3339) },
      ])
    routes.resource(alerts) { resource in
      resource.list { page, request in try await port.alerts(page, by: request.caller) }
      resource.get { id, request in try await port.alert(id, by: request.caller) }
      resource.pagedSearch("findByRecipient", by: "recipient") { query, page, request in
        try await port.alerts(of: query.text("recipient"), page, by: request.caller)
      }
    }
  }
}
