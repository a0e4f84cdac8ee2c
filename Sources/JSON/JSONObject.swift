/// The members of a JSON object, in the order they were written.
///
/// Look-up is linear: the objects of this system have a dozen members.
package struct JSONObject: Hashable, Sendable {
  package struct Member: Hashable, Sendable {
    package let name: String
    package var value: JSONValue

    package init(_ name: String, _ value: JSONValue) {
      self.name = name
      self.value = value
    }
  }

  package private(set) var members: [Member]

  package init(_ members: [Member] = []) {
    self.members = members
  }

  package var isEmpty: Bool { self.members.isEmpty }

  package mutating func reserveCapacity(_ count: Int) {
    self.members.reserveCapacity(count)
  }

  /// Adds a member at the end. The name must be new: that is not checked, so that writing stays
  /// cheap; use the subscript where it may not be.
  package mutating func append(_ name: String, _ value: JSONValue) {
    self.members.append(Member(name, value))
  }

  /// Setting a new name adds the member at the end, setting `nil` removes it.
  package subscript(name: String) -> JSONValue? {
    get { self.members.first { $0.name == name }?.value }
    set {
      let place = self.members.firstIndex { $0.name == name }
      switch (place, newValue) {
      case (let place?, let value?): self.members[place].value = value
      case (let place?, nil): self.members.remove(at: place)
      case (nil, let value?): self.append(name, value)
      case (nil, nil): break
      }
    }
  }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
  package init(dictionaryLiteral elements: (String, JSONValue)...) {
    self.init(elements.map(Member.init))
  }
}
