import ArgumentParser

/// `sugang mypage`: the view that is made of the others' events.
struct MyPageCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mypage",
    abstract: "Look after my page, the view that is made of events.",
    subcommands: [MyPageRebuildCommand.self])
}
