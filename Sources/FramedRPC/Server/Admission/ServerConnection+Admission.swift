import NIOCore

/// Calls that have to wait for a place. A call that waits is one of its connection's calls, with its
/// slot, its deadline and its share of ``RPCLimits/maxConcurrentCalls``.
extension ServerConnection {
  /// - Returns: whether the call has a place and runs now; if not, all else is done.
  func enter(_ admission: Admission, _ call: Call) -> Bool {
    guard !self.table.methods[call.method].isExempt else { return true }
    let arrival = admission.arrive(
      RPCContext(call).priority, method: call.method, deadline: call.deadline, now: call.started
    ) {
      call.work = call.work?.keptApart
      return { refusal in
        // Never at once: a row of calls that are over at once would be as deep as the queue.
        self.loop.execute { self.decided(refusal, call) }
      }
    }
    switch arrival {
    case .admitted:
      call.place = Self.place(call, began: call.started)
      return true
    case .queued(let ticket):
      call.ticket = ticket
      self.watch(ticket.until)
    case .refused(let refusal):
      self.runningHandlers -= 1
      self.refuse(call, refusal)
    }
    return false
  }

  /// How long a stream lasts says nothing about the load, nor how long a request takes to arrive.
  private static func place(_ call: Call, began: NIODeadline) -> Admission.Place {
    var isMeasured = false
    if case .unary = call.work { isMeasured = true }
    return Admission.Place(method: call.method, began: began, isMeasured: isMeasured)
  }

  private func refuse(_ call: Call, _ refusal: AdmissionRefusal) {
    let error = refusal.error
    self.send(error, call.stream, call.microseconds(until: self.loop.now))
    self.giveUp(call, error)
  }

  /// A call that waited has a place, or is refused.
  private func decided(_ refusal: AdmissionRefusal?, _ call: Call) {
    self.loop.assertInEventLoop()
    call.ticket = nil
    let now = self.loop.now
    let isWaitedFor = !self.isEnded && self.isWaitedFor(call)
    var refusal = refusal
    if refusal == nil {
      let place = Self.place(call, began: now)
      let isExpired = call.deadline.map { $0 <= now } ?? false
      if isWaitedFor, !isExpired {
        call.place = place
        return self.run(call)
      }
      self.admission?.leave(place, isMeasured: false, now: now)
      refusal = isExpired ? AdmissionRefusal(reason: .expired, retryAfter: nil) : nil
    }
    self.runningHandlers -= 1
    if isWaitedFor, let refusal {
      self.refuse(call, refusal)
    }
    self.closeIfDrained()
    self.endIfOver()
  }

  /// Why a call is over that still waits for a place: its deadline or its longest queue time.
  func expiredInQueue(_ call: Call, _ ticket: Admission.Ticket, _ now: NIODeadline) -> RPCError {
    let isExpired = call.deadline.map { $0 <= now } ?? false
    let reason: AdmissionRefusal.Reason = isExpired ? .expired : .queueTime
    self.leaveQueue(call, ticket, reason)
    return AdmissionRefusal(
      reason: reason, retryAfter: isExpired ? nil : self.admission?.retryAfter(ticket.priority)
    ).error
  }

  /// - Parameter reason: nil when the caller has left.
  func leaveQueue(
    _ call: Call, _ ticket: Admission.Ticket, _ reason: AdmissionRefusal.Reason?
  ) {
    call.ticket = nil
    // If it has been decided already, ``decided`` is on its way and counts the handler out.
    if self.admission?.giveUp(ticket, reason) == true {
      self.runningHandlers -= 1
    }
  }
}

extension ServerConnection.Work {
  /// The same with no more bytes than its own: a small request that waits must not keep the whole
  /// read that it came in.
  fileprivate var keptApart: Self {
    guard case .unary(let handler, let request) = self else { return self }
    return .unary(handler, request.keptApart)
  }
}
