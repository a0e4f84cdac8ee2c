import HTTPClientKit
import JSON
import Kernel
import RESTSupport
import Testing

@Suite("Resources in HAL")
struct HALTests {
  @Test("one thing has its fields, its links and no id")
  func single() async throws {
    try await withToys { client in
      let response = try await client.request("GET", "/toys/1")
      #expect(response.status == 200)
      #expect(response.header("Content-Type") == "application/hal+json")
      #expect(
        response.text == #"""
          {"name":"toy-1","fee":0,"note":null,"_links":{\#
          "self":{"href":"http://sugang.example/toys/1"},\#
          "toy":{"href":"http://sugang.example/toys/1"}}}
          """#)
    }
  }

  @Test("a collection that fits on one page has no links to others")
  func collection() async throws {
    try await withToys { client in
      let response = try await client.request("GET", "/toys")
      #expect(
        response.text == #"""
          {"_embedded":{"toys":[{"name":"toy-1","fee":0,"note":null,"_links":{\#
          "self":{"href":"http://sugang.example/toys/1"},\#
          "toy":{"href":"http://sugang.example/toys/1"}}}]},\#
          "_links":{"self":{"href":"http://sugang.example/toys"},\#
          "profile":{"href":"http://sugang.example/profile/toys"},\#
          "search":{"href":"http://sugang.example/toys/search"}},\#
          "page":{"size":20,"totalElements":1,"totalPages":1,"number":0}}
          """#)
    }
  }

  @Test("the answer is laid out like the seed's unless compact is asked for")
  func prettyByDefault() async throws {
    try await withToys(0, on: RESTServerConfiguration()) { client in
      let response = try await client.request("GET", "/toys")
      #expect(response.text.hasPrefix("{\n  \"_embedded\" : {\n    \"toys\" : [ ]\n  },\n"))
    }
  }

  @Test(
    "pages link to first, prev, next and last with the same size and order",
    arguments: [
      (0, ["self", "profile", "search", "first", "next", "last"], 0, 1),
      (1, ["self", "profile", "search", "first", "prev", "next", "last"], 0, 2),
      (2, ["self", "profile", "search", "first", "prev", "last"], 1, 0),
      (9, ["self", "profile", "search", "first", "prev", "last"], 2, 0),
    ])
  func paging(number: Int, relations: [String], prev: Int, next: Int) async throws {
    try await withToys(5) { client in
      let response = try await client.request("GET", "/toys?size=2&sort=name,desc&page=\(number)")
      let links = response.json["_links"]
      func href(_ page: Int) -> String {
        "http://sugang.example/toys?page=\(page)&size=2&sort=name%2Cdesc"
      }
      #expect(links?.object?.members.map(\.name) == relations)
      #expect(links?["self"]?["href"]?.string == href(number))
      #expect(links?["first"]?["href"]?.string == href(0))
      #expect(links?["last"]?["href"]?.string == href(2))
      if relations.contains("prev") { #expect(links?["prev"]?["href"]?.string == href(prev)) }
      if relations.contains("next") { #expect(links?["next"]?["href"]?.string == href(next)) }
      #expect(
        response.json["page"]
          == ["size": 2, "totalElements": 5, "totalPages": 3, "number": .integer(number)])
    }
  }

  @Test("a search answers a list without pages")
  func search() async throws {
    try await withToys(2) { client in
      let found = try await client.request("GET", "/toys/search/findByName?name=toy-2")
      #expect(found.json["_embedded"]?["toys"]?.array?.count == 1)
      #expect(
        found.json["_links"]?["self"]?["href"]
          == "http://sugang.example/toys/search/findByName?name=toy-2")
      #expect(found.json["page"] == nil)
      let none = try await client.request("GET", "/toys/search/findByName?name=%EA%B0%95+%26")
      #expect(none.json["_embedded"] == ["toys": []])
      #expect(
        none.json["_links"]?["self"]?["href"]
          == "http://sugang.example/toys/search/findByName?name=%EA%B0%95%20%26")
    }
  }

  @Test("a search with pages keeps its parameters in the links")
  func pagedSearch() async throws {
    try await withToys(3) { client in
      let found = try await client.request("GET", "/toys/search/findByFee?fee=0&size=2")
      #expect(found.json["page"]?["totalPages"] == 2)
      #expect(
        found.json["_links"]?["next"]?["href"]
          == "http://sugang.example/toys/search/findByFee?fee=0&page=1&size=2")
    }
  }

  @Test("a search for one thing answers it or 404")
  func searchOne() async throws {
    try await withToys { client in
      let found = try await client.request("GET", "/toys/search/findById?id=1")
      #expect(found.json["name"] == "toy-1")
      let none = try await client.request("GET", "/toys/search/findById?id=2")
      #expect(none.status == 404)
      #expect(none.json["code"] == "not-found")
    }
  }

  @Test("what has no place of its own is paged, and linked to what it belongs to")
  func parts() async throws {
    try await withToys { client in
      let found = try await client.request("GET", "/toys/search/findLettersById?id=1&size=2")
      #expect(
        found.text == #"""
          {"_embedded":{"letters":[\#
          {"text":"t","_links":{"toy":{"href":"http://sugang.example/toys/1"}}},\#
          {"text":"o","_links":{"toy":{"href":"http://sugang.example/toys/1"}}}]},\#
          "_links":{\#
          "self":{"href":"http://sugang.example/toys/search/findLettersById?id=1&page=0&size=2"},\#
          "first":{"href":"http://sugang.example/toys/search/findLettersById?id=1&page=0&size=2"},\#
          "next":{"href":"http://sugang.example/toys/search/findLettersById?id=1&page=1&size=2"},\#
          "last":{"href":"http://sugang.example/toys/search/findLettersById?id=1&page=2&size=2"}},\#
          "page":{"size":2,"totalElements":5,"totalPages":3,"number":0}}
          """#)
      let unsorted = try await client.request(
        "GET", "/toys/search/findLettersById?id=1&sort=name")
      #expect(unsorted.status == 422)
      #expect(unsorted.json["errors"]?[0]?["field"] == "sort")
    }
  }

  @Test("a search may answer something that is no item, with a link to itself")
  func searchValue() async throws {
    try await withToys(3) { client in
      let found = try await client.request("GET", "/toys/search/count?fee=0")
      #expect(
        found.text == #"""
          {"fee":0,"count":3,"_links":{\#
          "self":{"href":"http://sugang.example/toys/search/count?fee=0"}}}
          """#)
    }
  }

  @Test("the links to the searches and to the profile lead somewhere")
  func indexes() async throws {
    try await withToys { client in
      let searches = try await client.request("GET", "/toys/search")
      #expect(
        searches.json["_links"]?["findByName"] == [
          "href": "http://sugang.example/toys/search/findByName{?name}", "templated": true,
        ])
      let profile = try await client.request("GET", "/profile/toys")
      #expect(profile.header("Content-Type") == "application/alps+json")
      #expect(
        profile.json["alps"]?["descriptor"]?[0]?["descriptor"]?[1] == [
          "name": "fee", "type": "SEMANTIC",
        ])
    }
  }

  @Test("a field whose value is nil is left out, one that is null is not")
  func leavesOut() {
    let resource = HALResource<Toy, CourseKind>(
      "toys", item: "toy", links: Links(publicBaseURL: "http://sugang.example"), id: \.id,
      fields: [
        "fee": { $0.fee.isFree ? nil : .integer($0.fee.won) },
        "note": { .optional($0.note) },
      ])
    let toy = Toy(id: CourseID(1), name: "toy-1", fee: .zero, note: nil)
    #expect(resource.single(toy).object?.members.map(\.name) == ["note", "_links"])
  }

  @Test("a link encodes what is not a plain character")
  func linkEncoding() {
    let links = Links(publicBaseURL: "https://sugang.example/api//")
    #expect(links.href("a b", "강/?") == "https://sugang.example/api/a%20b/%EA%B0%95%2F%3F")
  }
}
