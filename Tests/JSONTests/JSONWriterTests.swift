import JSON
import Testing

@Suite("Writing JSON")
struct JSONWriterTests {
  @Test("compact leaves out every blank and keeps the order")
  func compact() {
    let value: JSONValue = ["b": [1, nil, true, "x"], "a": [:], "c": []]
    #expect(value.text() == #"{"b":[1,null,true,"x"],"a":{},"c":[]}"#)
  }

  @Test("pretty is laid out like Spring's services do it")
  func pretty() {
    let value: JSONValue = ["list": [["a": 1, "b": nil], ["a": 2]], "none": [], "empty": [:]]
    #expect(
      value.text(.pretty) == """
        {
          "list" : [ {
            "a" : 1,
            "b" : null
          }, {
            "a" : 2
          } ],
          "none" : [ ],
          "empty" : { }
        }
        """)
  }

  @Test("only what must be escaped is escaped")
  func escapes() {
    #expect(
      JSONValue.string("\"\\/\u{8}\t\n\u{c}\r\u{1}\u{1f}\u{7f}강😀").text()
        == #""\"\\/\b\t\n\f\r\u0001\u001f"# + "\u{7f}강😀\"")
  }

  @Test("a class has the 250 bytes and a course the 251 bytes of the seed's load logs")
  func seedSizes() {
    let enrollment = self.resource(
      ["courseId": 1, "fee": 10000, "student": "gil-dong", "textBook": "eng_book"],
      item: "class", href: "http://class:8080/classes/1000")
    #expect(enrollment.bytes(.pretty).count == 250)
    let course = self.resource(
      ["name": "english", "teacher": "hong", "fee": 10000, "textBook": "eng_book"],
      item: "course", href: "http://course:8080/courses/100")
    #expect(course.bytes(.pretty).count == 251)
  }

  private func resource(_ fields: JSONObject, item: String, href: String) -> JSONValue {
    var object = fields
    let link: JSONValue = ["href": .string(href)]
    object.append("_links", .object(JSONObject([.init("self", link), .init(item, link)])))
    return .object(object)
  }

  @Test("an object keeps its order when members are set, added and removed")
  func objectOrder() {
    var object: JSONObject = ["a": 1, "b": 2, "c": 3]
    object["a"] = 10
    object["d"] = 4
    object["b"] = nil
    #expect(JSONValue.object(object).text() == #"{"a":10,"c":3,"d":4}"#)
    #expect(object["b"] == nil)
  }

  @Test("values are reached by name and by place")
  func access() {
    let value: JSONValue = ["list": ["x", 2, true], "none": nil]
    #expect(value["list"]?[0]?.string == "x")
    #expect(value["list"]?[1]?.int64 == 2)
    #expect(value["list"]?[2]?.bool == true)
    #expect(value["list"]?[3] == nil)
    #expect(value["list"]?[-1] == nil)
    #expect(value["none"]?.isNull == true)
    #expect(value["other"] == nil)
    #expect(JSONValue.optional(nil as Int64?) == nil)
    #expect(JSONValue.optional("a") == "a")
  }
}
