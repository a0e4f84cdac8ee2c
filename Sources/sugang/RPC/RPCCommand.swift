import ArgumentParser

/// `sugang rpc`: what grpcurl is for gRPC.
struct RPCCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rpc",
    abstract: "Call any method of a running service, with JSON.",
    discussion: """
      Examples:
        sugang rpc list pay                       what the pay service offers
        sugang rpc describe PayService/Approve    what it takes and gives
        sugang rpc template Approve               a request to fill in
        sugang rpc call pay Approve -d '{"classId": 1, "fee": 10000}'
        sugang rpc template Approve | sugang rpc call pay Approve -d @-

      ADDRESS is HOST:PORT, unix:PATH or the name of a service on this machine
      (pay, course, …). METHOD is sugang.pay.v1.PayService/Approve,
      PayService/Approve or, where only one service has it, Approve.
      """,
    subcommands: [
      RPCListCommand.self, RPCDescribeCommand.self, RPCTemplateCommand.self, RPCCallCommand.self,
    ])
}
