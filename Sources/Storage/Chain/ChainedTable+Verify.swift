extension ChainedTable {
  /// Looks at each row after `start` before it hands it out, and hands out none that is not what
  /// was appended there, nor any behind it.
  ///
  /// Memory is that of some hundred rows, however many there are.
  ///
  /// - Parameters:
  ///   - start: trusted; where a chain is verified from the start, ``ChainLink/start``.
  ///   - last: the last row wanted, which must be there; nil for as many as there are.
  ///   - rowsAtOnce: how many are held in memory.
  ///   - body: gets the key, ``columns`` and the hash; false ends the walk.
  /// - Returns: the last row handed out.
  /// - Throws: ``ChainDamage``; ``StorageError``; what `body` throws.
  @discardableResult
  package func walk(
    after start: ChainLink, through last: Int64? = nil, in connection: any SQLConnection,
    rowsAtOnce: Int = ChainedTable.rowsAtOnce, _ body: (SQLRow) throws -> Bool = { _ in true }
  ) throws -> ChainLink {
    var end = start
    while end.sequence < last ?? .max {
      let rows = try self.slice(
        after: end.sequence, through: last ?? .max, limit: rowsAtOnce, in: connection)
      if rows.isEmpty {
        guard last == nil else { throw self.damage(end.sequence + 1, .missing) }
        break
      }
      for row in rows {
        end = try self.check(row, behind: end)
        guard try body(row) else { return end }
      }
    }
    return end
  }

  /// Rows as they are read; when one of them cannot be, those before it, or the damage.
  private func slice(
    after sequence: Int64, through last: Int64, limit: Int, in connection: any SQLConnection
  ) throws -> [SQLRow] {
    do {
      return try self.rows(after: sequence, through: last, limit: limit, in: connection)
    } catch {
      guard error.isCorruption, case .sql(_, let message, _) = error else { throw error }
      guard limit > 1 else {
        throw self.damage(sequence + 1, .unreadable(reason: message))
      }
      return try self.slice(after: sequence, through: last, limit: 1, in: connection)
    }
  }

  private func check(_ row: SQLRow, behind last: ChainLink) throws(ChainDamage) -> ChainLink {
    let sequence = row.integer(0)
    guard sequence == last.sequence + 1 else {
      throw self.damage(last.sequence + 1, .missing)
    }
    let hash = self.hash(of: row, as: sequence, behind: last.hash)
    guard row[self.columns.count + 1] == .blob(hash) else {
      throw self.damage(sequence, .altered)
    }
    return ChainLink(sequence: sequence, hash: hash)
  }

  /// Verifies the whole chain, and says more exactly what is wrong with its first bad row.
  ///
  /// - Parameter mark: what was known to be committed.
  /// - Returns: the last good row, and the damage behind it, if there is any.
  /// - Throws: ``StorageError`` when the table cannot be read for another reason.
  package func verify(
    in connection: any SQLConnection, mark: ChainLink? = nil
  ) throws -> (end: ChainLink, damage: ChainDamage?) {
    var end = ChainLink.start
    do {
      if let mark, mark.sequence > 0 {
        end = try self.walk(after: end, through: nil, in: connection) { row in
          end = ChainLink(sequence: row.integer(0), hash: row.blob(self.columns.count + 1))
          return end.sequence < mark.sequence
        }
        guard end.sequence == mark.sequence else {
          let cut = ChainDamage.Kind.cutOff(committedThrough: mark.sequence)
          return (end, self.damage(end.sequence + 1, cut))
        }
        guard end == mark else { return (end, self.damage(end.sequence, .forked)) }
      }
      end = try self.walk(after: end, in: connection) { row in
        end = ChainLink(sequence: row.integer(0), hash: row.blob(self.columns.count + 1))
        return true
      }
      return (end, nil)
    } catch let damage as ChainDamage {
      guard damage.kind == .altered else { return (end, damage) }
      let place = try self.place(ofRowBehind: end, in: connection)
      return (end, place.map { self.damage(damage.sequence, .reordered(liesAt: $0)) } ?? damage)
    }
  }

  /// Where the row lies that belongs behind `last`, when it is not there: it proves itself by its
  /// hash, which went with it or stayed behind.
  private func place(
    ofRowBehind last: ChainLink, in connection: any SQLConnection
  ) throws -> Int64? {
    let wanted = last.sequence + 1
    let hole = try self.slice(after: last.sequence, through: wanted, limit: 1, in: connection)
    guard let leftHash = hole.first?[self.columns.count + 1] else { return nil }
    var position: Int64 = 0
    while true {
      let rows = try self.slice(
        after: position, through: .max, limit: Self.rowsAtOnce, in: connection)
      guard let end = rows.last else { return nil }
      for row in rows where row.integer(0) != wanted {
        let hash = SQLValue.blob(self.hash(of: row, as: wanted, behind: last.hash))
        if hash == leftHash || hash == row[self.columns.count + 1] {
          return row.integer(0)
        }
      }
      position = end.integer(0)
    }
  }
}
