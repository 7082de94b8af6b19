import Foundation
import MartletGraph
import MartletNN
import MartletRuntime
import MartletTensor
import Testing

/// Where what was recorded comes from: each test is a process of its own.
@Suite("Origins")
struct OriginTests {
    private final class Net: Module {
        let body = Sequential {
            Linear(4, 3)
            ReLU()
        }
        let head = Linear(3, 2)
        func callAsFunction(_ x: Tensor) -> Tensor { head(body(x)) }
    }

    @Test("While somebody watches, nodes and their gradients carry the path of their layer")
    func paths() async {
        await #expect(processExitsWith: .success) {
            Origin.isWatched = true
            let net = Net()
            #expect(net.parameters.count == 4)
            let output = net(Tensor.ones([5, 4]))
            #expect("\(output.value.node.origin)" == "head")
            let before = Recording.current.nodes.count
            output.sum().backward()
            let paths = Set(Recording.current.nodes[before...].map { "\($0.origin)" })
            #expect(paths.isSuperset(of: ["head", "body.0", "body.1"]))
        }
    }

    @Test("The plan log names the layers of each kernel, and the optimizer's step")
    func log() async throws {
        let result = try await #require(processExitsWith: .success, observing: [\.standardErrorContent]) {
            setenv("MARTLET_LOG", "plan", 1)
            let net = Net()
            _ = net.parameterCount
            _ = net(Tensor.ones([5, 4])).sum().item()
        }
        let text = String(decoding: result.standardErrorContent, as: UTF8.self)
        #expect(text.contains("[body.0]"))
        #expect(text.contains("[head]"))
    }

    @Test("Nobody watching, nothing is carried; and layers of one shape share a plan whatever they are called")
    func outsideKeys() async {
        await #expect(processExitsWith: .success) {
            let (first, second) = (Linear(4, 3), Linear(4, 3))
            #expect("\(first(Tensor.ones([5, 4])).value.node.origin)".isEmpty)
            Origin.isWatched = true
            var (one, two) = (Modes.current, Modes.current)
            one.origin = Origin("a")
            two.origin = Origin("b")
            #expect(one == two && one.hashValue == two.hashValue)
            _ = first(Tensor.ones([5, 4])).sum().item()
            let made = PlanCache.shared.counts.made
            _ = second(Tensor.ones([5, 4])).sum().item()
            #expect(PlanCache.shared.counts.made == made)
        }
    }
}
