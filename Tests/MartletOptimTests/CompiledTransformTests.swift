import MartletNN
import MartletOptim
import MartletTensor
import Testing

@Suite("Compiled functions among the other transformations")
struct CompiledTransformTests {
    // MARK: vmap inside

    @Test func randomNumbersInAVmapInsideAreNewInEachCallAndThoseOfTheEagerClosure() {
        let body = { (x: Tensor) -> Tensor in vmap { (row: Tensor) in row + Tensor.rand([4]) }(x) }
        let compiled = compile(function: body)
        let x = Tensor.zeros([3, 4])
        let expected = withGenerator(seed: 8) { (0..<3).map { _ in body(x).array() } }
        let found = withGenerator(seed: 8) { (0..<3).map { _ in compiled(x).array() } }
        #expect(found == expected)
        #expect(Set(expected).count == 3)
    }

    @Test func randomNumbersInAVmapInsideAVmapAreNewInEachCallToo() {
        let row = { (x: Tensor) -> Tensor in vmap { (y: Tensor) in y + Tensor.rand([2]) }(x) }
        let body = { (x: Tensor) -> Tensor in vmap(row)(x) }
        let compiled = compile(function: body)
        let x = Tensor.zeros([3, 4, 2])
        let expected = withGenerator(seed: 9) { (0..<2).map { _ in body(x).array() } }
        #expect(withGenerator(seed: 9) { (0..<2).map { _ in compiled(x).array() } } == expected)
        #expect(expected[0] != expected[1])
    }

    @Test func aParameterFirstReadInAVmapInsideIsReadAtEachCall() {
        let weight = Parameter(Tensor([1, 2, 3, 4]))
        let function = compile { (x: Tensor) -> Tensor in
            let scaled = vmap { (row: Tensor) in row * weight.value }(x)
            // Read once more after the inner trace is gone.
            return scaled + weight.value
        }
        let x = Tensor.ones([2, 4])
        #expect(function(x).array() == [2, 4, 6, 8, 2, 4, 6, 8])
        weight.update { $0 * 10 }
        #expect(function(x).array() == [20, 40, 60, 80, 20, 40, 60, 80])
    }

    @Test func aCountReadInAVmapInsideIsReadAtEachCall() {
        let number = StateNumber(2)
        let function = compile { (x: Tensor) -> Tensor in
            vmap { (row: Tensor) -> Tensor in row * Tensor(number.value()).to(dtype: .float32) }(x)
        }
        let x = Tensor.ones([2, 3])
        #expect(function(x).array() == [2, 2, 2, 2, 2, 2])
        number.current = 5
        #expect(function(x).array() == [5, 5, 5, 5, 5, 5])
    }

    @Test func aStepWhoseLossIsAVmapTrainsAsTheEagerOneDoes() {
        func train(compiled: Bool) -> [Float] {
            let weight = Parameter(Tensor([1, -2, 3, -4]))
            let optimizer = SGD([weight], learningRate: 0.125)
            let body = { (x: Tensor) -> Tensor in
                optimizer.zeroGradients()
                let losses = vmap { (row: Tensor) -> Tensor in (row * weight.value).square().sum() }(x)
                let loss = losses.mean()
                loss.backward()
                optimizer.step()
                return loss.detached()
            }
            let step = compile(updating: optimizer, function: body)
            let x: Tensor = [[1, 0.5, 2, 1], [0.5, 1, 1, 2]]
            for _ in 0..<3 { _ = compiled ? step(x) : body(x) }
            return weight.value.array()
        }
        let eager = train(compiled: false)
        #expect(train(compiled: true) == eager)
        #expect(eager != [1, -2, 3, -4])
    }

    // MARK: Derivatives through a compiled function

    @Test func theDerivativeOfACompiledFunctionIsThatOfItsClosure() {
        let square = compile { (x: Tensor) -> Tensor in (x * x).sum() }
        #expect(gradient(of: { (x: Tensor) -> Tensor in square(x) })(Tensor(3)).item() == 6)
        let forward = jvp(of: { (x: Tensor) -> Tensor in square(x) }, at: Tensor([1, 2]), along: Tensor([10, 1]))
        #expect(forward.value.item() == 5)
        #expect(forward.tangent.item() == 24)
        // No derivative is asked for: a plan, the same for every number.
        #expect(square(Tensor(3)).item() == 9)
        let plans = square.planCount
        #expect(plans > 0 && square(Tensor(4)).item() == 16 && square.planCount == plans)
    }

    @Test func backwardReachesWhatLiesBeforeACompiledPart() {
        let (stem, body, head) = (Linear(3, 4), Linear(4, 4), Linear(4, 1))
        let backbone = compile(updating: body) { (x: Tensor) -> Tensor in body(x).tanh() }
        let x: Tensor = [[1, 2, 3], [-1, 0.5, 2]]
        func gradients(_ middle: (Tensor) -> Tensor) -> [[Float]] {
            let parameters = stem.parameters + body.parameters + head.parameters
            for parameter in parameters { parameter.gradient = nil }
            head(middle(stem(x))).sum().backward()
            return parameters.map { $0.gradient?.array() ?? [] }
        }
        let expected = gradients { body($0).tanh() }
        #expect(gradients { backbone($0) } == expected)
        #expect(expected.allSatisfy { !$0.isEmpty })
    }

    @Test func aStepOfTrainingTakesArgumentsForTheirNumbersAlone() {
        let (stem, cell, head) = (Linear(3, 4), Linear(4, 4), Linear(4, 1))
        let optimizer = SGD(cell.parameters + head.parameters, learningRate: 0.1)
        let step = compile(updating: cell, head, optimizer) { (x: Tensor, h: Tensor) -> [Tensor] in
            optimizer.zeroGradients()
            let state = (cell(h) + x).tanh()
            let loss = head(state).square().mean()
            loss.backward()
            optimizer.step()
            return [loss, state]
        }
        // Features that are computed once, and a state that is carried on, both with a history at first.
        let features = stem(Tensor([[1, 2, 3]]))
        var (state, losses) = (stem(Tensor([[0, 1, 0]])), [Float]())
        for _ in 0..<4 {
            let results = step(features, state)
            losses.append(results[0].item())
            state = results[1]
        }
        #expect(Set(losses).count == 4 && losses.allSatisfy(\.isFinite))
        #expect(stem.weight.gradient == nil && !state.requiresGradient)
        #expect(step.planCount <= 2)
    }

    @Test func statisticsThatACompiledPartRenewsDoNotKeepADerivativeFromIt() {
        let (stem, body) = (Linear(3, 4), BatchNorm1d(4))
        let part = compile(updating: body) { (x: Tensor) -> Tensor in body(x).tanh() }
        part(stem(Tensor([[1, 2, 3], [-1, 0.5, 2]]))).square().sum().backward()
        #expect(stem.weight.gradient != nil)
    }

    @Test func withoutHistoryACallRunsItsPlanAndItsResultsHaveNoHistory() {
        let layer = Linear(2, 2)
        let function = compile(updating: layer) { (x: Tensor) -> Tensor in layer(x) }
        let x = Tensor([[1, 2]])
        #expect(function(x).requiresGradient == false)
        #expect(function.planCount == 1)
        let known = x.requiringGradient()
        #expect(withoutGradient { function(known) }.requiresGradient == false)
        // Modes are in the key.
        #expect(function.planCount == 2)
        #expect(function(known).requiresGradient)
        #expect(function.planCount == 2)
    }

    // MARK: Generators

    @Test func aCallDrawsFromTheGeneratorOfItsOwnTask() {
        let body = { (x: Tensor) -> Tensor in x + Tensor.rand([3]) }
        let function = compile(function: body)
        let x = Tensor.zeros([3])
        for seed: UInt64 in [1, 1, 2] {
            let found = withGenerator(seed: seed) { (0..<2).map { _ in function(x).array() } }
            let expected = withGenerator(seed: seed) { (0..<2).map { _ in body(x).array() } }
            #expect(found == expected)
            #expect(found[0] != found[1])
        }
        #expect(function.planCount == 1)
    }

    @Test func aGeneratorNamedInsideIsTheOneThatIsDrawnFrom() {
        let named = Generator(seed: 5)
        let function = compile { (x: Tensor) -> Tensor in withGenerator(named) { x + Tensor.rand([3]) } }
        let x = Tensor.zeros([3])
        let first = withGenerator(seed: 1) { function(x).array() }
        let second = withGenerator(seed: 2) { function(x).array() }
        let expected = withGenerator(seed: 5) { (0..<2).map { _ in Tensor.rand([3]).array() } }
        #expect([first, second] == expected)
    }

    @Test func aGeneratorSplitInsideIsSplitAtEachCall() {
        let body = { (x: Tensor) -> Tensor in
            let first = withGenerator(splitFor: 3) { x + Tensor.rand([2]) }
            let second = first + Tensor.rand([2])
            return withGenerator(splitFor: 3) {
                withGenerator(splitFor: 1) { second + Tensor.rand([2]) } + Tensor.rand([2])
            }
        }
        let compiled = compile(function: body)
        let x = Tensor.zeros([2])
        for seed in [7, 7, 8] as [UInt64] {
            let expected = withGenerator(seed: seed) { (0..<3).map { _ in body(x).array() } }
            #expect(withGenerator(seed: seed) { (0..<3).map { _ in compiled(x).array() } } == expected)
            #expect(Set(expected).count == 3)
        }
        let onlySplit = { (x: Tensor) -> Tensor in withGenerator(splitFor: 0) { x + Tensor.rand([2]) } }
        let compiledSplit = compile(function: onlySplit)
        for seed in [7, 8] as [UInt64] {
            let expected = withGenerator(seed: seed) { onlySplit(x).array() }
            #expect(withGenerator(seed: seed) { compiledSplit(x).array() } == expected)
        }
    }
}
