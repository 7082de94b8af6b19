import MartletGraph
import MartletNN
import MartletOptim
import MartletTensor
import MartletTesting
import Testing

/// Ten steps of each optimizer against the peer's, as scripts/goldens/optimizers.py took them.
@Suite("Optimizer goldens")
struct OptimizerGoldenTests {
    @Test(
        "Every recorded optimizer follows the peer's trajectory", arguments: [DataType.float64, .float32])
    func trajectories(dtype: DataType) throws {
        let file = try GoldenFile("optimizers")
        // float32's own rounding over ten steps.
        let tolerance = dtype == .float64 ? 1e-9 : 2e-5
        var compared = 0
        for golden in file.cases {
            func input(_ name: String) throws -> Tensor { try file.required(golden, name).to(dtype: dtype) }
            let names = ["weight", "bias", "scale"]
            let parameters = try names.map { Parameter(try input($0)) }
            let (inputs, targets) = (try input("inputs"), try input("targets"))
            let optimizer = try makeOptimizer(golden, parameters)
            let expected = try names.map { try file.required(golden, "steps.\($0)").array(as: Double.self) }
            for step in 0..<10 {
                optimizer.zeroGradients()
                let values = parameters.map(\.value)
                let residual = matmul(inputs, values[0]) + values[1] - targets
                let square = values[2].square()
                ((residual * residual).mean() + 0.1 * (square * square / 4).sum()).backward()
                optimizer.step()
                for (index, parameter) in parameters.enumerated() {
                    let count = parameter.shape.elementCount
                    let wanted = expected[index][step * count..<(step + 1) * count]
                    for (found, wanted) in zip(parameter.value.array(as: Double.self), wanted) {
                        #expect(
                            (found - wanted).magnitude <= tolerance * max(1, wanted.magnitude),
                            "\(golden), step \(step + 1), \(names[index])")
                    }
                }
            }
            compared += 1
        }
        #expect(compared == 17)
    }

    /// The optimizer of a case.
    private func makeOptimizer(_ golden: GoldenCase, _ parameters: [Parameter]) throws -> Optimizer {
        func number(_ name: String) throws -> Double {
            guard let number = golden.number(name) else { throw GoldenError("\(golden) has no \(name)") }
            return number
        }
        switch golden.operation {
        case "SGD":
            return SGD(
                parameters, learningRate: try number("learningRate"), momentum: try number("momentum"),
                dampening: try number("dampening"), nesterov: golden.isSet("nesterov"),
                weightDecay: try number("weightDecay"), maximize: golden.isSet("maximize"))
        case "Adam", "AdamW":
            let list = golden.attributes["betas"]?.list?.compactMap(\.number) ?? []
            guard list.count == 2 else { throw GoldenError("\(golden) has no betas") }
            let betas = (list[0], list[1])
            let group = ParameterGroup(
                parameters, learningRate: try number("learningRate"), weightDecay: try number("weightDecay"))
            let (epsilon, amsgrad) = (try number("epsilon"), golden.isSet("amsgrad"))
            return golden.operation == "Adam"
                ? Adam([group], betas: betas, epsilon: epsilon, amsgrad: amsgrad)
                : AdamW([group], betas: betas, epsilon: epsilon, amsgrad: amsgrad)
        case "RMSProp":
            return RMSProp(
                parameters, learningRate: try number("learningRate"), smoothing: try number("smoothing"),
                epsilon: try number("epsilon"), weightDecay: try number("weightDecay"),
                momentum: try number("momentum"), centered: golden.isSet("centered"))
        case "Adagrad":
            return Adagrad(
                parameters, learningRate: try number("learningRate"),
                learningRateDecay: try number("learningRateDecay"), weightDecay: try number("weightDecay"),
                initialAccumulator: try number("initialAccumulator"), epsilon: try number("epsilon"))
        default: throw GoldenError("\(golden): no optimizer \(golden.operation)")
        }
    }
}
