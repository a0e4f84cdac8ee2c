import ArgumentParser

/// `sugang rpc`: what grpcurl and ghz are for gRPC.
struct RPCCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rpc",
    abstract: "Call and press any method of a running server, with JSON.",
    discussion: """
      Examples:
        sugang rpc list pay                           what the pay service offers
        sugang rpc describe pay PayService/Approve    what it takes and gives
        sugang rpc template pay Approve               a request to fill in
        sugang rpc call pay Approve -d '{"classId": 1, "fee": 10000}'
        sugang rpc template pay Approve | sugang rpc call pay Approve -d @-
        sugang rpc press pay GetPayment -d '{"id": 1}' --rate 500

      ADDRESS is HOST:PORT, unix:PATH or the name of a service on this machine
      (pay, course, …). METHOD is sugang.pay.v1.PayService/Approve,
      PayService/Approve or, where only one service has it, Approve. All is asked of
      the server itself, so that any FramedRPC server with reflection will do.

      When a call fails, the exit code is 64 + the number of its status: 67 for
      INVALID_ARGUMENT, 68 for DEADLINE_EXCEEDED, 69 for NOT_FOUND, 78 for UNAVAILABLE.
      """,
    subcommands: [
      RPCListCommand.self, RPCDescribeCommand.self, RPCTemplateCommand.self, RPCCallCommand.self,
      RPCPressCommand.self,
    ])
}
