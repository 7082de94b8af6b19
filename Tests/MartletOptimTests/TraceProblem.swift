import MartletNN
import MartletOptim
import MartletTensor
import MartletTesting

/// The problem of scripts/goldens/optimizer_traces.py: linear regression by parts of eight rows, and a quartic beside it.
struct TraceProblem {
    let parameters: [Parameter]
    private let values: [String: Tensor]
    private let names: [String]
    private let batches: Int

    init(_ file: GoldenFile, _ golden: GoldenCase, dtype: DataType = .float64) throws {
        guard let problem = file.cases.first(where: { $0.operation == "problem" }),
            let names = golden.attributes["parameters"]?.list?.compactMap(\.text),
            let batches = golden.integer("batches")
        else { throw GoldenError("\(golden) has no problem") }
        var values: [String: Tensor] = [:]
        for name in problem.inputs { values[name] = try file.required(problem, name).to(dtype: dtype) }
        (self.values, self.names, self.batches) = (values, names, batches)
        parameters = try names.map { name in
            guard let value = values[name] else { throw GoldenError("\(golden): no parameter \(name)") }
            return Parameter(value)
        }
    }

    private func value(_ name: String) -> Tensor {
        if let index = names.firstIndex(of: name) { return parameters[index].value }
        return values[name] ?? Tensor.zeros([])
    }

    /// The loss of a step, counted from 0.
    func loss(_ step: Int) -> Tensor {
        let size = 8 / batches
        let start = size * (step % batches)
        let inputs = value("inputs").narrow(axis: 0, start: start, count: size)
        let targets = value("targets").narrow(axis: 0, start: start, count: size)
        let residual = matmul(inputs, value("weight")) + value("bias") - targets
        let square = value("scale").square()
        return residual.square().mean() + 0.1 * (square * square / 4).sum()
    }

    /// A step of an optimizer as its kind wants it.
    func take(_ step: Int, _ optimizer: Optimizer) {
        func closure() -> Tensor {
            let loss = loss(step)
            loss.backward()
            return loss
        }
        switch optimizer {
        case let sam as SAM: sam.step(closure)
        case let lbfgs as LBFGS: lbfgs.step(closure)
        default:
            optimizer.zeroGradients()
            _ = closure()
            optimizer.step()
        }
    }
}

extension GoldenCase {
    /// A number that the case must have.
    func required(_ name: String) throws -> Double {
        guard let number = number(name) else { throw GoldenError("\(self) has no \(name)") }
        return number
    }

    private func betas() throws -> (Double, Double) {
        let list = attributes["betas"]?.list?.compactMap(\.number) ?? []
        guard list.count == 2 else { throw GoldenError("\(self) has no betas") }
        return (list[0], list[1])
    }

    /// The optimizer of a case, in what wraps it.
    func makeOptimizer(_ parameters: [Parameter]) throws -> Optimizer {
        let base = try makeBase(parameters)
        switch text("wrapper") {
        case nil: return base
        case "lookahead":
            return Lookahead(base, period: Int(try required("period")), share: try required("share"))
        case "sam": return SAM(base, radius: try required("radius"), adaptive: isSet("adaptive"))
        case let name?: throw GoldenError("\(self): no wrapper \(name)")
        }
    }

    private func makeBase(_ parameters: [Parameter]) throws -> Optimizer {
        let maximize = isSet("maximize")
        let group = ParameterGroup(
            parameters, learningRate: try required("learningRate"), weightDecay: number("weightDecay") ?? 0)
        let isDecoupled = isSet("decouplesWeightDecay")
        switch operation {
        case "SGD":
            return SGD(
                [group], momentum: try required("momentum"), dampening: try required("dampening"),
                nesterov: isSet("nesterov"), maximize: maximize)
        case "Adagrad":
            return Adagrad(
                [group], learningRateDecay: try required("learningRateDecay"),
                initialAccumulator: try required("initialAccumulator"), epsilon: try required("epsilon"))
        case "AdaDelta":
            return AdaDelta(
                [group], smoothing: try required("smoothing"), epsilon: try required("epsilon"), maximize: maximize)
        case "RMSProp":
            return RMSProp(
                [group], smoothing: try required("smoothing"), epsilon: try required("epsilon"),
                momentum: try required("momentum"), centered: isSet("centered"))
        case "Adam":
            return Adam([group], betas: try betas(), epsilon: try required("epsilon"), amsgrad: isSet("amsgrad"))
        case "AdamW":
            return AdamW([group], betas: try betas(), epsilon: try required("epsilon"), amsgrad: isSet("amsgrad"))
        case "Adamax": return Adamax([group], betas: try betas(), epsilon: try required("epsilon"))
        case "NAdam":
            return NAdam(
                [group], betas: try betas(), epsilon: try required("epsilon"), decouplesWeightDecay: isDecoupled,
                momentumDecay: try required("momentumDecay"))
        case "RAdam":
            return RAdam(
                [group], betas: try betas(), epsilon: try required("epsilon"), decouplesWeightDecay: isDecoupled)
        case "Adafactor":
            return Adafactor(
                [group], decayExponent: try required("decayExponent"), epsilon1: number("epsilon1"),
                epsilon2: try required("epsilon2"), clipping: try required("clipping"))
        case "Muon":
            let scales: [String: Muon.Scale] = ["match_rms_adamw": .matchingAdamW, "spectral_unclamped": .spectral]
            return Muon(
                [group], momentum: try required("momentum"), nesterov: isSet("nesterov"),
                iterations: Int(try required("iterations")), epsilon: try required("epsilon"),
                scale: scales[text("scaleForm") ?? ""] ?? .original)
        case "LBFGS":
            return LBFGS(
                parameters, learningRate: group.learningRate, iterations: Int(try required("iterations")),
                evaluations: Int(try required("evaluations")), gradientTolerance: try required("gradientTolerance"),
                changeTolerance: try required("changeTolerance"), historySize: Int(try required("historySize")),
                searchesLine: text("lineSearch") == "strong_wolfe")
        default: return try makeOfFormula(group)
        }
    }

    /// Those whose goldens follow a paper's formula: a setting that a case leaves out has the formula's default.
    private func makeOfFormula(_ group: ParameterGroup) throws -> Optimizer {
        func or(_ name: String, _ usual: Double) -> Double { number(name) ?? usual }
        func betas(_ usual: (Double, Double)) throws -> (Double, Double) {
            attributes["betas"] == nil ? usual : try self.betas()
        }
        let warmup = Int(or("warmup", 0))
        switch operation {
        case "SGDAverage":
            return SGD(
                [group], momentum: or("momentum", 0.9), momentumForm: .exponentialAverage, nesterov: isSet("nesterov"),
                decouplesWeightDecay: true)
        case "Lion": return Lion([group], betas: try betas((0.9, 0.99)))
        case "LAMB": return LAMB([group], betas: try betas((0.9, 0.999)), epsilon: 1e-6)
        case "LARS":
            return LARS(
                [group], momentum: or("momentum", 0.9), trust: or("trust", 1e-3), epsilon: or("epsilon", 0),
                nesterov: isSet("nesterov"), scalesVectors: isSet("scalesVectors"))
        case "ScheduleFreeSGD":
            return ScheduleFreeSGD(
                [group], momentum: or("momentum", 0.9), warmup: warmup, stepPower: or("stepPower", 0),
                ratePower: or("ratePower", 2))
        case "ScheduleFreeAdamW":
            return ScheduleFreeAdamW(
                [group], betas: try betas((0.9, 0.999)), epsilon: 1e-8, warmup: warmup, stepPower: or("stepPower", 0),
                ratePower: or("ratePower", 2))
        default: throw GoldenError("\(self): no optimizer \(operation)")
        }
    }
}
