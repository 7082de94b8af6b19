import MartletCPU
import MartletGraph
import MartletNN
import MartletOptim
import MartletRuntime
import MartletTensor
import MartletTesting
import Testing

@Suite("Limit of memory")
struct MemoryLimitTests {
    /// Convolutions, batch normalisations and rectifiers, with a residual around every second one.
    final class Network: Layer {
        let convolutions: [Conv2d]
        let norms: [BatchNorm2d]
        let head = Linear(16, 3)

        init(_ depth: Int) {
            convolutions = (0..<depth).map {
                Conv2d($0 == 0 ? 3 : 16, 16, kernelSize: 3, padding: 1, bias: false)
            }
            norms = (0..<depth).map { _ in BatchNorm2d(16) }
        }

        func callAsFunction(_ x: Tensor) -> Tensor {
            var (y, shortcut) = (x, x)
            for (index, (convolution, norm)) in zip(convolutions, norms).enumerated() {
                let z = norm(convolution(y))
                let joins = index % 2 == 0 && index > 0
                y = relu(joins ? z + shortcut : z)
                if joins || index == 0 { shortcut = y }
            }
            return head(y.mean(axes: [2, 3]))
        }
    }

    private struct Run: Equatable {
        var losses: [Float] = []
        var state: [String: [Float]] = [:]
    }

    private func train(_ depth: Int, batch: Int, size: Int = 16, _ limit: Int?) -> (run: Run, plans: [Plan]) {
        var run = Run()
        let plans = PlanWatch.plans {
            withMemoryLimit(limit) {
                withGenerator(seed: 9) {
                    let model = Network(depth)
                    let optimizer = SGD(model.parameters, learningRate: 0.05, momentum: 0.9)
                    for step in 0..<3 {
                        let x = Tensor.randn([batch, 3, size, size])
                        let y = Tensor((0..<batch).map { ($0 + step) % 3 })
                        _ = x.array()
                        optimizer.zeroGradients()
                        let loss = crossEntropy(model(x), y)
                        loss.backward()
                        optimizer.step()
                        run.losses.append(loss.item())
                    }
                    run.state = model.stateDictionary.mapValues { $0.to(dtype: .float32).array() }
                }
            }
        }
        return (run, plans)
    }

    private func peak(_ plans: [Plan]) -> Int { plans.map(\.peakByteCount).max() ?? 0 }

    private func heavy(_ plans: [Plan]) -> Int {
        let largest = plans.max { $0.descriptions.count < $1.descriptions.count }
        return largest?.descriptions.count { $0.name == "convolution" } ?? 0
    }

    @Test("Training under 70 and 60 hundredths of what it would take: the same bits, and plans under the limit")
    func trains() {
        let free = train(16, batch: 5, nil)
        #expect(free.run.losses.count == 3 && Set(free.run.losses).count == 3)
        for percent in [70, 60] {
            let limit = peak(free.plans) * percent / 100
            let limited = train(16, batch: 5, limit)
            #expect(peak(limited.plans) <= limit && peak(limited.plans) > 0, "\(percent)")
            #expect(limited.run == free.run, "\(percent)")
            // What is cheap goes first: 70 hundredths need no convolution twice but the first, of three channels. Without the engine
            // normalisation is elementwise work that kept less to begin with.
            if percent == 70, CPUBackend.shared.engine != nil { #expect(heavy(limited.plans) <= heavy(free.plans) + 1) }
        }
    }

    @Test("What lies where a result will is there to make again what stands on it")
    func besideHeir() throws {
        let inputs = withGenerator(seed: 4) {
            [[256, 256], [256, 256], [256, 2048]].map { Tensor.randn(Shape($0)) * 0.01 }
        }
        for input in inputs { _ = input.array() }
        /// The product's values lie in the result's memory from the first; their exponentials are what can be given up.
        func plan(_ limit: Int?) -> (result: [Float], plan: Plan?) {
            var result: [Float] = []
            let plans = PlanWatch.plans {
                withMemoryLimit(limit) {
                    result = withoutGradient {
                        let product = matmul(inputs[0], inputs[1])
                        let exponentials = product.exp()
                        let total = exponentials.sum()
                        let wide = matmul(inputs[0], inputs[2]).sum(axis: 1, keepingAxes: true)
                        return product * 2 + exponentials * (wide + total)
                    }.array()
                }
            }
            return (result, plans.max { $0.descriptions.count < $1.descriptions.count })
        }
        let free = plan(nil)
        let peak = try #require(free.plan).peakByteCount
        let limited = plan(peak - (200 << 10))
        #expect(limited.result == free.result)
        #expect(limited.plan.map { $0.peakByteCount <= peak - (200 << 10) } == true)
        for one in [free, limited] { #expect(one.plan?.descriptions.count { $0.name == "matmul" } == 2) }
        #expect(limited.plan?.descriptions.count { $0.name.contains("exp") } == 2)
    }

    @Test("A limit that is met anyway changes no plan, and the same limit gives the same plan")
    func deterministic() {
        /// The training step's kernels and temporaries: smaller plans may have been made by another test.
        func step(_ limit: Int?) -> (names: [String], arena: Int, peak: Int) {
            let plan = train(12, batch: 3, size: 12, limit).plans.max { $0.descriptions.count < $1.descriptions.count }
            return (plan?.descriptions.map(\.name) ?? [], plan?.arenaByteCount ?? 0, plan?.peakByteCount ?? 0)
        }
        let free = step(nil)
        #expect(!free.names.isEmpty && step(1 << 40).names == free.names)
        let limit = free.peak * 65 / 100
        let (first, second) = (step(limit), step(limit + 1))
        #expect(first.names == second.names && first.arena == second.arena)
        #expect(first.names != free.names && first.peak <= limit)
    }

    @Test("A compiled step obeys too, and one in checkpoints")
    func compiled() {
        let losses = [nil, 7, 8].map { tenths -> [Float] in
            withGenerator(seed: 9) {
                let model = Network(6)
                let optimizer = SGD(model.parameters, learningRate: 0.05)
                let body = { (x: Tensor, y: Tensor) -> Tensor in
                    optimizer.zeroGradients()
                    let logits = tenths == 8 ? checkpoint { model(x) } : model(x)
                    let loss = crossEntropy(logits, y)
                    loss.backward()
                    optimizer.step()
                    return loss
                }
                let (x, y) = (Tensor.randn([4, 3, 14, 14]), Tensor((0..<4).map { $0 % 3 }))
                let free = PlanWatch.plans { _ = compile(updating: model, optimizer, function: body)(x, y) }
                let limit = tenths.map { peak(free) * $0 / 10 }
                return withMemoryLimit(limit) {
                    let step = compile(updating: model, optimizer, function: body)
                    var losses: [Float] = []
                    let plans = PlanWatch.plans { losses = (0..<2).map { _ in step(x, y).item() } }
                    #expect(!plans.isEmpty && (limit.map { peak(plans) <= $0 } ?? true))
                    return losses
                }
            }
        }
        #expect(losses[0] == losses[1] && losses[0] == losses[2])
    }

    @Test("Where no choice fits the error says the limit, the least, and the largest tensors by their layers")
    func tooSmall() throws {
        let model = withGenerator(seed: 9) { Network(6) }
        let (x, y) = (Tensor.ones([4, 3, 18, 18]), Tensor((0..<4).map { $0 % 3 }))
        func loss(_ limit: Int?) throws -> Float {
            try withMemoryLimit(limit) {
                for parameter in model.parameters { parameter.gradient = nil }
                let loss = crossEntropy(model(x), y)
                loss.backward()
                try Flush.all()
                return loss.item()
            }
        }
        let failure = #expect(throws: MemoryLimitError.self) { try loss(300 << 10) }
        let error = try #require(failure)
        #expect(error.limit == 300 << 10 && error.least > error.limit)
        #expect(!error.largest.isEmpty)
        #expect(error.largest.map(\.byteCount) == error.largest.map(\.byteCount).sorted(by: >))
        #expect(error.description.contains("300.0K are allowed"), "\(error)")
        #expect(error.description.contains(MemorySize.text(error.least)), "\(error)")
        // Where no kernel takes a normalisation's gradient whole, the plan is fullest in one's middle.
        let fullest = CPUBackend.shared.engine == nil ? "norms." : "convolutions."
        let layers = error.largest.flatMap(\.origins).map(\.description)
        #expect(layers.contains { $0.hasPrefix(fullest) }, "\(error)")
        #expect(layers.allSatisfy { error.description.contains("in \($0)") }, "\(error)")
    }

    @Test("Sizes as people write them")
    func sizes() throws {
        #expect(MemorySize.byteCount("4096") == 4096)
        #expect(MemorySize.byteCount("1500K") == 1500 << 10)
        #expect(MemorySize.byteCount("64m") == 64 << 20)
        #expect(MemorySize.byteCount("1.5G") == 3 << 29)
        for text in ["", "K", "-1", "2T", "1e3", "nan", "0", "12MB"] { #expect(MemorySize.byteCount(text) == nil) }
        #expect(MemorySize.text(512) == "512 bytes" && MemorySize.text(3 << 29) == "1.5G")
        let environment = ["MARTLET_MEMORY_LIMIT": "2G"]
        #expect(try PlanSettings { environment[$0] }.memoryLimit == 2 << 30)
        let error = #expect(throws: PlanSettingError.self) {
            try PlanSettings { $0 == "MARTLET_MEMORY_LIMIT" ? "2 sheep" : nil }
        }
        #expect(error?.description.contains("MARTLET_MEMORY_LIMIT: \"2 sheep\" is no size") == true)
    }
}
