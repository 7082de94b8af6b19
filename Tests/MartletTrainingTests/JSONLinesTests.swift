import MartletTraining
import Testing

@Suite("JSON lines")
struct JSONLinesTests {
    private struct Prediction: Encodable {
        var file = "a/7.png"
        var classes = ["seven", "two\n"]
        var probabilities: [Double] = [0.75, .nan, .infinity]
        var single: Float = 0.1
        var loss = -Double.infinity
    }

    @Test("an object is one line with sorted keys, and numbers that are not finite are null")
    func line() throws {
        #expect(
            try JSONLines.line(Prediction())
                == #"{"classes":["seven","two\n"],"file":"a/7.png","loss":null,"#
                + #""probabilities":[0.75,null,null],"single":0.1}"#)
    }

    @Test("text that looks like a number's stand-in stays text")
    func standIn() throws {
        #expect(try JSONLines.line(["x\"\u{0}not finite"]) == #"["x\"\u0000not finite"]"#)
        #expect(try JSONLines.line(["nan", "null"]) == #"["nan","null"]"#)
    }

    @Test("a document is indented and ends with a line's end")
    func document() throws {
        let text = String(decoding: try JSONLines.document(["b": 1.0, "a": Double.nan]), as: UTF8.self)
        #expect(text == "{\n  \"a\" : null,\n  \"b\" : 1\n}\n")
    }
}
