import MartletCPU
import MartletGraph
import MartletNN
import MartletOptim
import MartletTensor
import MartletTesting
import Testing

@testable import MartletRuntime

@Suite("Gradients that are used where they are made")
struct GradientUpdateTests {
    /// Rows that no number of rows in a block divides.
    private static let (rows, columns, terms) = (1037, 1021, 3)

    private static func operands(_ stateCount: Int) -> [Tensor] {
        let shape: Shape = [rows, columns]
        return withGenerator(seed: 5) {
            [Tensor.randn(shape), Tensor.randn([rows, terms]), Tensor.randn([terms, columns])]
                + (0..<stateCount).map { _ in Tensor.rand(shape) }
        }
    }

    /// A composite's results on tensors and numbers.
    private static func run(_ composite: any Composite, _ operands: [Tensor], _ scalars: [Double] = []) -> [Tensor] {
        let values = operands.map(\.value) + scalars.map { Value.scalar($0, dtype: .float64) }
        return Value.makeAll(.composite(CompositeCall(composite)), values).map { Tensor($0) }
    }

    private static func hasKernel(_ composite: any Composite, _ types: [TensorType]) -> Bool {
        CPUBackend.shared.hasKernel(for: composite, operands: types.map { OperandLayout(type: $0, block: nil) })
    }

    @Test("The kernel of a product and its update gives the bits of one after the other", arguments: [false, true])
    func kernel(keepsGradient: Bool) {
        let adam = GradientUpdate(AdamUpdate(weightDecay: .decoupled), keepsGradient: keepsGradient)
        let sgd = GradientUpdate(SGDUpdate(momentum: .pytorch, weightDecay: .l2), keepsGradient: keepsGradient)
        let plain = GradientUpdate(SGDUpdate(), keepsGradient: keepsGradient)
        let cases = [
            (adam, 2, [0.0137, 0.9, 0.999, 1e-8, 0.01, 0.271, 0.003]), (sgd, 1, [0.1, 0.9, 0.01]), (plain, 0, [0.1]),
        ]
        for (composite, stateCount, scalars) in cases {
            let inputs = Self.operands(stateCount)
            let types = inputs.map(\.value.type) + scalars.map { _ in TensorType([], .float64) }
            #expect(Self.hasKernel(composite, types))
            let found = Self.run(composite, inputs, scalars).map { $0.array() }
            let gradient = matmul(inputs[1], inputs[2])
            _ = gradient.array()
            let expected = Self.run(composite.update, [inputs[0], gradient] + inputs.dropFirst(3), scalars)
                .map { $0.array() }
            #expect(found.prefix(expected.count) == expected[...], "\(composite.name)")
            #expect(found.count == expected.count + (keepsGradient ? 1 : 0))
            if keepsGradient { #expect(found.last == gradient.array()) }
        }
    }

    @Test("A product in blocks is the product, to what rounding allows")
    func product() {
        let (left, right) = (Self.operands(0)[1].array(), Self.operands(0)[2].array())
        let found = matmul(Self.operands(0)[1], Self.operands(0)[2]).array()
        let worst = found.indices.reduce(Float(0)) { worst, index in
            let (row, column) = (index / Self.columns, index % Self.columns)
            let terms = (0..<Self.terms).map { left[row * Self.terms + $0] * right[$0 * Self.columns + column] }
            let size = terms.reduce(0) { $0 + $1.magnitude }
            return max(worst, (found[index] - terms.reduce(0, +)).magnitude / max(size, 1))
        }
        #expect(worst < 4e-7)
    }

    @Test("A product gives the sums of its pieces as the kernel behind another does, and both are the definition's")
    func pieces() {
        let factors = Array(Self.operands(0).dropFirst())
        #expect(Self.hasKernel(ProductWithSquaredPieces(), factors.map(\.value.type)))
        let found = Self.run(ProductWithSquaredPieces(), factors)
        let product = matmul(factors[0], factors[1])
        #expect(found[0].array() == product.array())
        #expect(found[1].array(as: Double.self) == Self.run(SquaredPieces(), [product])[0].array(as: Double.self))
        var numbers = CaseNumbers(seed: 6)
        for length in [1, 8191, 8192, 8193, 30_000] {
            // Small integers: their squares are exact in any order.
            let comparison = BackendComparison("pieces", [numbers.integers([length], .float32)]) {
                values throws(ShapeError) in
                try Value.record(.composite(CompositeCall(SquaredPieces())), values)
            }
            let failures = comparison.failures(.exact)
            #expect(failures.isEmpty, "\(joined(failures))")
        }
    }

    @Test("The norm of tensors and of others' pieces has the bits of the norm of all tensors")
    func norm() throws {
        var numbers = CaseNumbers(seed: 7)
        let tensors = [[300, 301], [17], [8192], [4, 20_000]].map { sizes in
            Tensor(numbers.reals(Shape(sizes), .float32).reals.map(Float.init), shape: Shape(sizes))
        }
        func made(_ composite: any Composite, _ values: [Value]) -> Value {
            Value.make(.composite(CompositeCall(composite)), values)
        }
        let expected = Tensor(made(SquaredNorm(), tensors.map(\.value))).item()
        for mask in 0..<16 {
            let arePieces = (0..<4).map { mask >> $0 & 1 == 1 }
            let operands = zip(tensors, arePieces).map { $1 ? made(SquaredPieces(), [$0.value]) : $0.value }
            #expect(Tensor(made(GatheredNorm(arePieces: arePieces), operands)).item() == expected, "\(arePieces)")
        }
    }

    @Test("What does not fit has no kernel")
    func without() {
        let types = Self.operands(1).map(\.value.type) + [TensorType([], .float64), TensorType([], .float64)]
        let momentum = SGDUpdate(momentum: .pytorch)
        #expect(Self.hasKernel(GradientUpdate(momentum, keepsGradient: false), types))
        // Another number of operands, another type, and a product that is small.
        #expect(!Self.hasKernel(GradientUpdate(SGDUpdate(), keepsGradient: false), types))
        #expect(!Self.hasKernel(GradientUpdate(AdamUpdate(amsgrad: true), keepsGradient: false), types))
        let half = types.map { TensorType($0.shape, .bfloat16) }
        #expect(!Self.hasKernel(GradientUpdate(momentum, keepsGradient: false), half))
        let small = [[16, 8], [16, 4], [4, 8], [16, 8], [], []].map { TensorType(Shape($0), .float32) }
        #expect(!Self.hasKernel(GradientUpdate(momentum, keepsGradient: false), small))
    }

    // MARK: Plans

    /// The plan of the second step of a layer on a batch of a size of the caller's own.
    private static func step(
        batch: Int, keeps: Bool, clips: Bool = false, passes: PlanPasses = .all, _ also: (Linear) -> Void = { _ in }
    ) throws -> Plan {
        let model = Linear(columns, rows)
        let optimizer = Adam(model.parameters, learningRate: 1e-3)
        let plans = PlanSettings.with(passes: passes) {
            PlanWatch.plans {
                for _ in 0..<2 {
                    let loss = model(Tensor.ones([batch, columns])).square().mean()
                    loss.backward()
                    if clips { clipGradientNorm(model.parameters, to: 1) }
                    optimizer.step(keepingGradients: keeps)
                    if keeps { optimizer.zeroGradients() }
                    also(model)
                }
            }
        }
        return try #require(plans.last { $0.descriptions.contains { $0.name.contains("adamUpdate") } })
    }

    private static func names(_ plan: Plan) -> [String] { plan.descriptions.map(\.name) }

    @Test("A large layer's update joins the product that makes its gradient, which then lies in memory at no time")
    func joins() throws {
        let plan = try Self.step(batch: 6, keeps: false)
        let without = try Self.step(
            batch: 6, keeps: false, passes: PlanPasses.all.subtracting(.gradientUpdates))
        #expect(Self.names(plan).contains("matmul+adamUpdate"), "\(Self.names(plan))")
        #expect(!Self.names(without).contains("matmul+adamUpdate"))
        #expect(without.peakByteCount - plan.peakByteCount >= 4 * Self.rows * Self.columns)
        // Parameter and moments are renewed in place all the same.
        #expect(plan.buffers.count { $0.donor != nil } == without.buffers.count { $0.donor != nil })
    }

    @Test("A gradient that somebody holds is written once, and its update joins all the same")
    func held() throws {
        let plan = try Self.step(batch: 7, keeps: true)
        let step = try #require(plan.descriptions.first { $0.name == "matmul+adamUpdate" })
        #expect(step.outputs.count == 4)
        let model = plan.resultByteCount
        let forgotten = try Self.step(batch: 7, keeps: false)
        #expect(model - forgotten.resultByteCount >= 4 * Self.rows * Self.columns)
    }

    @Test("Under clipping the product gives the sums of its pieces, and the update waits for the norm")
    func clipped() throws {
        let names = Self.names(try Self.step(batch: 8, keeps: false, clips: true))
        let (product, norm) = (
            names.firstIndex(of: "matmul+squaredPieces"), names.firstIndex(of: "squaredNorm of pieces")
        )
        let update = try #require(names.firstIndex { $0.hasPrefix("scaled adamUpdate") })
        #expect(try #require(product) < #require(norm) && #require(norm) < update, "\(names)")
        #expect(!names.contains("squaredNorm"))
    }

    @Test("The step is costed and named as the two it takes the place of, and a profile knows its blocks")
    func described() throws {
        let plan = try Self.step(batch: 9, keeps: false)
        let step = try #require(plan.descriptions.first { $0.name == "matmul+adamUpdate" })
        #expect(step.cost.flops >= 2 * 9 * Self.rows * Self.columns)
        // Parameter and two moments, read and written; both factors.
        let bytes = 4 * (6 * Self.rows * Self.columns + 9 * (Self.rows + Self.columns))
        #expect((bytes...bytes + 64).contains(step.cost.bytes), "\(step.cost)")
        #expect(step.method?.hasPrefix("blocks of ") == true)
        #expect(step.isParallel)
    }

    @Test("A parameter that is read after its product, by the gradient of its input, is renewed behind that")
    func order() throws {
        func losses(_ passes: PlanPasses) -> [Float] {
            let model = Sequential {
                Linear(11, Self.columns)
                Linear(Self.columns, Self.rows)
            }
            for parameter in model.parameters { parameter.slot.tensor = Tensor.full(parameter.shape, 0.01) }
            let optimizer = SGD(model.parameters, learningRate: 1e-3, momentum: 0.9)
            return PlanSettings.with(passes: passes) {
                (0..<3).map { _ in
                    let loss = model(Tensor.ones([10, 11])).square().mean()
                    loss.backward()
                    optimizer.step(keepingGradients: false)
                    return loss.item()
                }
            }
        }
        var found: [Float] = []
        let plans = PlanWatch.plans { found = losses(.all) }
        let names = plans.flatMap { Self.names($0) }
        let step = try #require(names.firstIndex(of: "matmul+sgdUpdate"), "\(names)")
        #expect(step > 0)
        #expect(found == losses(PlanPasses.all.subtracting(.gradientUpdates)))
        #expect(found.allSatisfy(\.isFinite) && found[2] < found[0])
    }

    @Test("Of two updates of one parameter in one plan, the second reads what the first made, wherever that runs")
    func twice() {
        func numbers(_ passes: PlanPasses) -> [[Float]] {
            let weight = Parameter(Tensor.full([Self.rows, Self.columns], 0.5))
            let (first, second) = (SGD([weight], learningRate: 0.1), SGD([weight], learningRate: 0.01))
            let inputs = Self.operands(0).dropFirst().map { $0.detached() }
            for tensor in inputs + [weight.value] { _ = tensor.array() }
            return PlanSettings.with(passes: passes) {
                func loss(_ scale: Double) -> Tensor {
                    (matmul(weight.value, inputs[1].transpose()) * inputs[0] * scale).sum()
                }
                let old = weight.value.detached()
                loss(1).backward()
                first.step(keepingGradients: false)
                let read = matmul(old, inputs[1].transpose())
                loss(2).backward()
                second.step(keepingGradients: false)
                return [weight.value.array(), read.array()]
            }
        }
        #expect(numbers(.all) == numbers(PlanPasses.all.subtracting(.gradientUpdates)))
    }
}
