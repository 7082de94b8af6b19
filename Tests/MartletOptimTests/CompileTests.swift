import Foundation
import MartletGraph
import MartletNN
import MartletOptim
import MartletTensor
import Synchronization
import Testing

/// Compiled functions against the same closure run eagerly.
struct CompileTests {
    private func network() -> Sequential {
        Sequential {
            Conv2d(1, 16, kernelSize: 3)
            BatchNorm2d(16)
            ReLU()
            MaxPool2d(2)
            Flatten()
            Dropout(0.25)
            Linear(16 * 3 * 3, 10)
        }
    }

    /// Program 04's step on `steps` batches: every loss's bits and every parameter's and buffer's at the end.
    private func train(compiled: Bool, steps: Int = 8) -> (losses: [Float], state: [String: [Float]]) {
        withGenerator(seed: 7) {
            let model = network()
            let optimizer = AdamW(model.parameters, learningRate: 1e-3, weightDecay: 1e-2)
            let schedule = CosineDecay(from: 1e-2, to: 1e-4, steps: steps, warmup: 2)
            let body = { (images: Tensor, labels: Tensor) -> Tensor in
                optimizer.zeroGradients()
                let loss = crossEntropy(model(images), labels, labelSmoothing: 0.1)
                loss.backward()
                clipGradientNorm(model.parameters, to: 1.0)
                optimizer.step()
                return loss
            }
            let step = compile(updating: model, optimizer, function: body)
            var losses: [Float] = []
            for index in 0..<steps {
                if index == steps / 2 { model.eval() }
                if index == steps / 2 + 1 { model.train() }
                let x = Tensor.randn([6, 1, 8, 8])
                let y = Tensor((0..<6).map { ($0 * 3 + index) % 10 })
                _ = x.array()
                optimizer.learningRate = schedule(index)
                losses.append((compiled ? step(x, y) : body(x, y)).item())
            }
            return (losses, model.stateDictionary.mapValues { $0.array() })
        }
    }

    @Test func programFoursStepWithScheduleDropoutBatchNormAndModeSwitchEqualsTheLoopBitForBit() {
        let (eager, compiled) = (train(compiled: false), train(compiled: true))
        #expect(eager.losses == compiled.losses)
        #expect(eager.state == compiled.state)
        #expect(Set(eager.losses).count == eager.losses.count)
    }

    @Test func aStepIsTracedOncePerKindOfArgumentsAndState() {
        let model = Linear(3, 2)
        let optimizer = SGD(model.parameters, learningRate: 0.1, momentum: 0.9)
        var traces = 0
        let step = compile(updating: model, optimizer) { (x: Tensor) -> Tensor in
            traces += 1
            optimizer.zeroGradients()
            let loss = model(x).square().mean()
            loss.backward()
            optimizer.step()
            return loss
        }
        for rate in [0.1, 0.05, 0.01, 0.2] {
            optimizer.learningRate = rate
            _ = step(Tensor.randn([4, 3]))
        }
        // Once while the momentum buffers are empty, once with them.
        #expect(traces == 2)
        _ = step(Tensor.randn([5, 3]))
        #expect(traces == 3)
        #expect(optimizer.stepCount == 5)
    }

    @Test func parametersAreUpdatedInPlaceAndOldValuesKeepTheirBits() {
        let model = Linear(3, 2)
        let optimizer = SGD(model.parameters, learningRate: 0.1)
        let step = compile(updating: model, optimizer) { (x: Tensor) -> Tensor in
            optimizer.zeroGradients()
            let loss = model(x).square().mean()
            loss.backward()
            optimizer.step()
            return loss
        }
        let before = model.weight.value
        let bits = before.array()
        for _ in 0..<3 { _ = step(Tensor.randn([4, 3])) }
        #expect(before.array() == bits)
        #expect(model.weight.value.array() != bits)
    }

    @Test func functionsWithoutStateCompileToo() {
        let twice = compile { (x: Tensor) in x * 2 + 1 }
        #expect(twice([1, 2]).array() == [3, 5])
        #expect(twice([3, 4]).array() == [7, 9])
    }

    @Test func readingAValueInsideStopsAndNamesTheTransformation() async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let bad = compile { (x: Tensor) in x.item() > 0 ? x : -x }
            _ = bad(Tensor([1]))
        }
        let message = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
        #expect(
            message.contains("item(): a value was read inside compile, where values are not known yet"),
            "\(message.prefix(400))")
    }

    @Test func writingStateThatWasNotNamedStopsAndSaysWhereToNameIt() async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let other = Linear(2, 2)
            let bad = compile { (x: Tensor) -> Tensor in
                other.weight.update { $0 * 2 }
                return x
            }
            _ = bad(Tensor.ones([1, 2]))
        }
        let message = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
        #expect(
            message.contains("compile: something outside updating: was written inside the compiled function"),
            "\(message.prefix(400))")
    }

    @Test func aParameterFrozenAfterTheTraceIsTrainedNoMore() {
        let model = Sequential {
            Linear(2, 3)
            Linear(3, 1)
        }
        let optimizer = SGD(model.parameters, learningRate: 0.1)
        let step = compile(updating: model, optimizer) { (x: Tensor) -> Tensor in
            optimizer.zeroGradients()
            let loss = (model(x) * model(x)).sum()
            loss.backward()
            optimizer.step()
            return loss.detached()
        }
        let x: Tensor = [[1, 2]]
        _ = step(x)
        let weight = model.parameters[0]
        weight.requiresGradient = false
        let before = (weight.value.array(), model.parameters[2].value.array())
        _ = step(x)
        #expect(weight.value.array() == before.0)
        #expect(model.parameters[2].value.array() != before.1)
        weight.requiresGradient = true
        _ = step(x)
        #expect(weight.value.array() != before.0)
    }

    @Test func aModuleThatIsOnlyReadKeepsItsOwnMode() {
        let teacher = Dropout(0.5)
        let function = compile { (x: Tensor) in teacher(x) }
        let x = Tensor.ones([64])
        #expect(function(x).min().item() == 0)
        teacher.eval()
        #expect(function(x).array() == x.array())
        teacher.train()
        #expect(function(x).min().item() == 0)
    }

    @Test func aGeneratorMadeInsideBeginsAnewInEachCall() {
        let body = { (x: Tensor) -> Tensor in withGenerator(seed: 3) { x + Tensor.rand([4]) } }
        let function = compile(function: body)
        let x = Tensor.zeros([4])
        let first = function(x).array()
        #expect(function(x).array() == first)
        #expect(body(x).array() == first)
    }

    @Test(arguments: [true, false])
    func aValueThatEscapesStopsAndNamesItself(isArgument: Bool) async throws {
        let result: ExitTest.Result?
        if isArgument {
            result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                var escaped: [Tensor] = []
                let function = compile(function: { (x: Tensor) -> Tensor in
                    escaped.append(x)
                    return x * 2
                })
                _ = function(Tensor.ones([2]))
                _ = escaped[0].array()
            }
        } else {
            result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                var escaped: [Tensor] = []
                let function = compile(function: { (x: Tensor) -> Tensor in
                    escaped.append(x.exp())
                    return x * 2
                })
                _ = function(Tensor.ones([2]))
                _ = escaped[0].array()
            }
        }
        let message = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
        let name = isArgument ? "placeholder" : "exp"
        #expect(
            message.contains("the result of \(name) left the traced function it belongs to"), "\(message.prefix(400))")
    }

    @Test func settingARateInsideStopsAndSaysWhy() async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let model = Linear(2, 1)
            let optimizer = SGD(model.parameters, learningRate: 0.1)
            let bad = compile(updating: model, optimizer) { (x: Tensor) -> Tensor in
                optimizer.learningRate = 0.5
                return model(x)
            }
            _ = bad(Tensor.ones([1, 2]))
        }
        let message = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
        #expect(message.contains("a learning rate or a count was set inside the compiled function"))
    }

    @Test func aModelAnswersWhileAnotherThreadTrainsItCompiled() {
        let model = Sequential {
            Linear(64, 256)
            ReLU()
            Linear(256, 4)
        }
        let optimizer = Adam(model.parameters, learningRate: 1e-3)
        let step = compile(updating: model, optimizer) { (x: Tensor) -> Tensor in
            optimizer.zeroGradients()
            let loss = (model(x) * model(x)).mean()
            loss.backward()
            optimizer.step()
            return loss.detached()
        }
        let x = Tensor.randn([32, 64])
        _ = step(x).item()
        let isDone = Atomic<Bool>(false)
        nonisolated(unsafe) let train = step
        DispatchQueue.concurrentPerform(iterations: 3) { index in
            if index == 0 {
                for _ in 0..<300 { _ = train(x) }
                isDone.store(true, ordering: .relaxed)
                return
            }
            while !isDone.load(ordering: .relaxed) {
                let answer = withoutGradient { model(x) }.sum().item()
                if !answer.isFinite { Issue.record("the model answered \(answer)") }
            }
        }
    }

    @Test func otherModulesParametersAreReadAtEachCall() {
        let other = Linear(2, 1, bias: false)
        let function = compile { (x: Tensor) in other(x) }
        other.weight.update { _ in Tensor([[1, 1]]) }
        #expect(function([[1, 2]]).item() == 3)
        other.weight.update { _ in Tensor([[2, 2]]) }
        #expect(function([[1, 2]]).item() == 6)
    }
}
