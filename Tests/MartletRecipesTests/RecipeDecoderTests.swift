import Testing

@testable import MartletRecipes

@Suite("Parts of recipes that read themselves")
struct RecipeDecoderTests {
    struct Part: Codable, Equatable {
        enum Form: String, Codable, CaseIterable { case round, square }
        struct Inner: Codable, Equatable { let sizes: [Int], name: String? }
        let startDivisor: Double
        let isOn: Bool?
        let form: Form
        let inner: Inner
        let byName: [String: Float]
    }

    private func read(_ text: String) throws -> Part {
        let node = try RecipeText.parse(text, file: "p.yaml")
        return try RecipeDecoder.decode(Part.self, from: node, path: ["part"], file: "p.yaml")
    }

    @Test("names are in snake_case, and types read as they do from JSON")
    func reading() throws {
        let part = try read(
            "start_divisor: 1e-3\nform: round\ninner: {sizes: [1, 2]}\nby_name: {a: 1, b: 2.5}\nis_on: yes\n")
        let inner = Part.Inner(sizes: [1, 2], name: nil)
        #expect(part == Part(startDivisor: 1e-3, isOn: true, form: .round, inner: inner, byName: ["a": 1, "b": 2.5]))
    }

    @Test("what is wrong is named with its line")
    func errors() throws {
        let whole = "start_divisor: 1\nform: round\ninner: {sizes: [1]}\nby_name: {}\n"
        for (text, message) in [
            (whole + "more: 1\n", "p.yaml:5: part.more: expected one of"),
            (
                whole.replacing("round", with: "roudn"),
                "part.form: expected one of round, square, found \"roudn\"; did you mean round?"
            ),
            (
                whole.replacing("[1]", with: "[1, x]"),
                "p.yaml:3: part.inner.sizes.1: expected a whole number, found \"x\""
            ),
            (whole.replacing("start_divisor: 1\n", with: ""), "part.start_divisor: expected a value, found nothing"),
            (whole.replacing("{sizes: [1]}", with: "{sizes: [1], nmae: a}"), "part.inner.nmae"),
        ] {
            let error = #expect(throws: RecipeError.self, "\(text)") { try read(text) }
            #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
        }
    }
}
