import Contracts
import Storage
import W3CTrace

/// An inbound adaptor that reacts to the events of one source.
package protocol EventHandler: Sendable {
  /// Whose feed it reads: `pay`.
  var source: String { get }

  /// The types of events it has a policy for, in the seed's words; none means all. No others are
  /// fetched. A type that is added later is handled from then on: what passed by does not come back.
  var types: [String] { get }

  /// Carries out the policy for one event, inside the transaction that also marks the event as
  /// handled. Events of a type it has no policy for are none of its business.
  ///
  /// Gives the same end state for any order of events and any number of repeats.
  func handle(_ event: EventsV1.Event, in connection: any SQLConnection) throws
}

extension EventHandler {
  /// The same as a part of the trace that the event belongs to, when it names one.
  func handleInTrace(_ event: EventsV1.Event, in connection: any SQLConnection) throws {
    let trace = TraceContext(parents: [event.traceContext])?.child()
    try TraceContext.$current.withValue(trace) { try self.handle(event, in: connection) }
  }
}
