import MartletCPU
import MartletGraph
import MartletTensor
import MartletTesting
import Testing

@testable import MartletRuntime

@Suite("What is folded into matrix products in inference")
struct ProductFusionTests {
    /// A case: rows of the left operand (a size of its own, so that no other test has made the plan), and what comes behind.
    struct Case: Sendable, CustomStringConvertible {
        let rows: Int
        let hasBias: Bool
        let addsResidual: Bool
        let rectifies: Bool
        var description: String { "\(rows) rows, bias \(hasBias), residual \(addsResidual), relu \(rectifies)" }

        func callAsFunction(_ x: Tensor, _ weight: Tensor, _ bias: Tensor, _ residual: Tensor) -> Tensor {
            var y = matmul(x, weight.transpose())
            if hasBias { y = Tensor(x.value.matmul(weight.transpose().value, bias: bias.value)) }
            if addsResidual { y = y + residual }
            return rectifies ? relu(y) : y
        }

        var expectedName: String { "matmul" + (addsResidual ? "+add" : "") + (rectifies ? "+relu" : "") }
    }

    /// On the engine, and with so few rows that its kernels are slower than ours.
    static let cases = [25, 45].flatMap { rows in
        (0..<8).map { index in
            Case(rows: rows + index, hasBias: index & 1 == 1, addsResidual: index & 2 == 2, rectifies: index & 4 == 4)
        }
    }

    private static func operands(_ rows: Int) -> [Tensor] {
        withGenerator(seed: 21) {
            [Tensor.randn([rows, 300]), Tensor.randn([290, 300]), Tensor.randn([290]), Tensor.randn([rows, 290])]
        }
    }

    private static func found(_ body: Case, _ passes: PlanPasses) -> (numbers: [Float], names: [String]) {
        let given = operands(body.rows)
        for tensor in given { _ = tensor.array() }
        var numbers: [Float] = []
        let plans = PlanSettings.with(passes: passes) {
            PlanWatch.plans {
                numbers = withoutGradient { body(given[0], given[1], given[2], given[3]).array() }
            }
        }
        return (numbers, plans.flatMap { $0.descriptions.map(\.name) })
    }

    @Test("Folded and unfolded have the same bits", arguments: cases)
    func bits(_ body: Case) {
        let (numbers, names) = Self.found(body, .all)
        let (expected, apart) = Self.found(body, PlanPasses.all.subtracting(.productFusion))
        #expect(numbers == expected)
        #expect(!apart.contains { $0.hasPrefix("matmul+") })
        if CPUBackend.shared.engine != nil { #expect(names == [body.expectedName], "\(names)") }
    }

    @Test("A sum that somebody holds, a training step and a batch of matrices are left alone")
    func left() {
        let given = Self.operands(50)
        for tensor in given { _ = tensor.array() }
        func names(_ body: () -> Tensor) -> [String] {
            PlanWatch.plans { _ = body().array() }.flatMap { $0.descriptions.map(\.name) }
        }
        var held: [Tensor] = []
        let kept = names {
            withoutGradient {
                let y = matmul(given[0], given[1].transpose())
                held.append(y)
                return relu(y)
            }
        }
        #expect(kept.contains("matmul"), "\(kept)")
        let weight = given[1].detached().requiringGradient()
        let training = names { relu(matmul(given[0], weight.transpose())) }
        #expect(training.contains("matmul"), "\(training)")
        // A product of inference whose rectifier was recorded in training, where a NaN has to stay one.
        let later = names {
            let y = withoutGradient { matmul(given[0], given[1].transpose()) }
            return relu(y)
        }
        #expect(later.contains("matmul"), "\(later)")
        let batch = Tensor.ones([3, 51, 300])
        _ = batch.array()
        let matrices = names { withoutGradient { relu(matmul(batch, Tensor.ones([3, 300, 290]))) } }
        #expect(matrices.contains("matmul"), "\(matrices)")
    }

    @Test("Operands that the engine takes by no strides of theirs are multiplied all the same")
    func strides() {
        let given = Self.operands(53)
        let row = Tensor.ones([1, 300])
        func result(_ passes: PlanPasses) -> [Float] {
            PlanSettings.with(passes: passes) {
                withoutGradient {
                    relu(matmul(row.expand([53, 300]), given[1].transpose()) + given[3]).array()
                }
            }
        }
        #expect(result(.all) == result(PlanPasses.all.subtracting(.productFusion)))
    }
}
