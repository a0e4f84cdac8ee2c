/// RFC 1951: reads the blocks of one deflate stream.
struct Inflate {
  private let input: [UInt8]
  private let maxBytes: Int
  /// The next byte of the input; after ``run()`` the first one behind the stream.
  private(set) var position: Int
  private(set) var output: [UInt8] = []
  private var bits: UInt32 = 0
  private var bitCount = 0

  init(_ input: [UInt8], at position: Int, maxBytes: Int) {
    self.input = input
    self.position = position
    self.maxBytes = maxBytes
  }

  mutating func run() throws(GzipError) {
    var isLast = false
    while !isLast {
      isLast = try self.take(1) == 1
      switch try self.take(2) {
      case 0: try self.copyStored()
      case 1: try self.expand(Self.fixedLiterals, Self.fixedDistances)
      case 2:
        let (literals, distances) = try self.readTables()
        try self.expand(literals, distances)
      default: throw .malformed
      }
    }
  }

  // MARK: bits

  private mutating func take(_ count: Int) throws(GzipError) -> Int {
    while self.bitCount < count {
      guard self.position < self.input.count else { throw .truncated }
      self.bits |= UInt32(self.input[self.position]) << UInt32(self.bitCount)
      self.position += 1
      self.bitCount += 8
    }
    defer {
      self.bits >>= UInt32(count)
      self.bitCount -= count
    }
    return Int(self.bits & (1 << UInt32(count) - 1))
  }

  private mutating func symbol(_ code: HuffmanCode) throws(GzipError) -> Int {
    var reader = HuffmanCode.Reader()
    while true {
      if let symbol = try reader.next(bit: try self.take(1), code) { return symbol }
    }
  }

  // MARK: blocks

  private mutating func append(_ byte: UInt8) throws(GzipError) {
    guard self.output.count < self.maxBytes else { throw .tooLarge }
    self.output.append(byte)
  }

  private mutating func copyStored() throws(GzipError) {
    // What is left of the current byte is padding; there are never more than seven bits.
    self.bits = 0
    self.bitCount = 0
    let length = try self.take(16)
    guard try self.take(16) == ~length & 0xFFFF else { throw .malformed }
    guard self.position + length <= self.input.count else { throw .truncated }
    guard self.output.count + length <= self.maxBytes else { throw .tooLarge }
    self.output += self.input[self.position..<(self.position + length)]
    self.position += length
  }

  private static let endOfBlock = 256

  private mutating func expand(
    _ literals: HuffmanCode, _ distances: HuffmanCode
  ) throws(GzipError) {
    while true {
      let symbol = try self.symbol(literals)
      if symbol < Self.endOfBlock {
        try self.append(UInt8(symbol))
        continue
      }
      if symbol == Self.endOfBlock { return }
      let length = try self.number(symbol - Self.endOfBlock - 1, Self.lengths)
      let distance = try self.number(try self.symbol(distances), Self.distances)
      guard distance <= self.output.count else { throw .malformed }
      for _ in 0..<length {
        try self.append(self.output[self.output.count - distance])
      }
    }
  }

  /// A length or distance: where its symbol begins, and some bits more.
  private mutating func number(
    _ symbol: Int, _ table: [(base: Int, extraBits: Int)]
  ) throws(GzipError) -> Int {
    guard table.indices.contains(symbol) else { throw .malformed }
    return table[symbol].base + (try self.take(table[symbol].extraBits))
  }

  private mutating func readTables() throws(GzipError) -> (HuffmanCode, HuffmanCode) {
    let literalCount = try self.take(5) + 257
    let distanceCount = try self.take(5) + 1
    guard literalCount <= 286, distanceCount <= 30 else { throw .malformed }
    var codeLengths = [Int](repeating: 0, count: Self.codeLengthOrder.count)
    for index in 0..<(try self.take(4) + 4) {
      codeLengths[Self.codeLengthOrder[index]] = try self.take(3)
    }
    let code = try HuffmanCode(lengths: codeLengths)
    var lengths: [Int] = []
    while lengths.count < literalCount + distanceCount {
      switch try self.symbol(code) {
      case 16:
        guard let last = lengths.last else { throw .malformed }
        lengths += Array(repeating: last, count: try self.take(2) + 3)
      case 17: lengths += Array(repeating: 0, count: try self.take(3) + 3)
      case 18: lengths += Array(repeating: 0, count: try self.take(7) + 11)
      case let length: lengths.append(length)
      }
    }
    guard lengths.count == literalCount + distanceCount, lengths[Self.endOfBlock] != 0 else {
      throw .malformed
    }
    return (
      try HuffmanCode(lengths: Array(lengths[..<literalCount])),
      try HuffmanCode(lengths: Array(lengths[literalCount...]))
    )
  }

  // MARK: tables of RFC 1951, section 3.2.5 to 3.2.7

  private static let codeLengthOrder = [
    16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
  ]

  private static let lengths: [(base: Int, extraBits: Int)] =
    Self.ranges(from: 3, plain: 8, perExtraBit: 4, count: 28) + [(258, 0)]

  private static let distances = Self.ranges(from: 1, plain: 4, perExtraBit: 2, count: 30)

  /// Ranges that follow each other: `plain` of one number, then `perExtraBit` of each further size.
  private static func ranges(
    from first: Int, plain: Int, perExtraBit: Int, count: Int
  ) -> [(base: Int, extraBits: Int)] {
    var base = first
    return (0..<count).map { index in
      let extraBits = index < plain ? 0 : (index - plain) / perExtraBit + 1
      defer { base += 1 << extraBits }
      return (base, extraBits)
    }
  }

  private static let fixedLiterals = HuffmanCode.known(
    (0..<288).map { $0 < 144 ? 8 : $0 < 256 ? 9 : $0 < 280 ? 7 : 8 })
  private static let fixedDistances = HuffmanCode.known(Array(repeating: 5, count: 32))
}

/// A canonical Huffman code of deflate, given by the length of each symbol's code.
struct HuffmanCode {
  static let maxLength = 15

  /// How many codes have each length.
  private var counts = [Int](repeating: 0, count: maxLength + 1)
  /// Symbols in the order of their codes.
  private var symbols: [Int]

  /// - Throws: ``GzipError`` malformed when the lengths are too many for a prefix code, or leave
  ///   codes without a symbol; a code of one symbol or none may.
  init(lengths: [Int]) throws(GzipError) {
    for length in lengths { self.counts[length] += 1 }
    self.counts[0] = 0
    self.symbols = lengths.indices.filter { lengths[$0] != 0 }
      .sorted { (lengths[$0], $0) < (lengths[$1], $1) }
    var free = 1
    for count in self.counts.dropFirst() {
      free = free * 2 - count
      guard free >= 0 else { throw .malformed }
    }
    guard free == 0 || self.symbols.count <= 1 else { throw .malformed }
  }

  /// A code of the standard itself.
  static func known(_ lengths: [Int]) -> HuffmanCode {
    do {
      return try HuffmanCode(lengths: lengths)
    } catch {
      preconditionFailure("\(lengths) is no code")
    }
  }

  /// Reads one symbol, bit by bit: codes of one length are consecutive numbers.
  struct Reader {
    private var code = 0
    private var length = 0
    /// The first code of this length, and the place of its symbol.
    private var first = 0
    private var place = 0

    mutating func next(bit: Int, _ huffman: HuffmanCode) throws(GzipError) -> Int? {
      guard self.length < HuffmanCode.maxLength else { throw .malformed }
      self.length += 1
      self.code = self.code << 1 | bit
      self.first <<= 1
      let count = huffman.counts[self.length]
      if self.code - self.first < count {
        return huffman.symbols[self.place + self.code - self.first]
      }
      self.first += count
      self.place += count
      return nil
    }
  }
}
