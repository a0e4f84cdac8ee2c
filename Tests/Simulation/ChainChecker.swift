import Storage
import SugangServices

/// I12: the chained tables of every store verify from their first row to their last.
enum ChainChecker {
  static func violations(of world: World) throws -> [Violation] {
    try world.nodes.flatMap { node in
      try node.name.chainedTables.compactMap { table in
        try node.store.read { try table.verify(in: $0).damage }.map {
          Violation(.i12, "\(node.name.rawValue): \($0)")
        }
      }
    }
  }
}
