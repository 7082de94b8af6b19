import Foundation
import MartletRuntime
import MartletTesting
import Testing

/// Passes as scripts name them.
@Suite("Lists of the planner's passes")
struct PassListTests {
    @Test("scripts/test-passes leaves out every pass there is, in their order")
    func script() throws {
        let text = try String(contentsOfFile: Repository.root + "/scripts/test-passes", encoding: .utf8)
        let parts = text.components(separatedBy: "\npasses=(")
        #expect(parts.count == 2)
        let list = try #require(parts.last).prefix { $0 != ")" }
        #expect(list.split(whereSeparator: \.isWhitespace).map(String.init) == PlanPasses.named.map(\.name))
    }
}
