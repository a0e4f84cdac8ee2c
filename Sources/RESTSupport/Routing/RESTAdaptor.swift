/// Lets HTTP drive an inbound port.
///
/// The same adaptor is mounted in the service, on its application, and in the gateway, on the
/// client that reaches that application over the wire.
package protocol RESTAdaptor: Sendable {
  func addRoutes(to routes: Routes)
}
