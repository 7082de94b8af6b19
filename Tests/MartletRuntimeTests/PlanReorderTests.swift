import MartletCPU
import MartletGraph
import MartletNN
import MartletTensor
import MartletTesting
import Testing

@testable import MartletRuntime

/// What the log counts as copies and reorders, and as kernels that pack or unpack weights. No other test has plans of these shapes.
@Suite("Reorders in the plan log")
struct PlanReorderTests {
    /// The line that the log begins with for the largest plan that a body makes.
    private func heading(_ body: () -> Void) throws -> String {
        let plans = PlanWatch.plans(madeIn: body)
        let plan = try #require(plans.max { $0.descriptions.count < $1.descriptions.count })
        nonisolated(unsafe) var text = ""
        let log = PlanLog { text = $0 }
        log.made(plan, held: [])
        return String(text.prefix { $0 != "\n" })
    }

    /// Two convolutions of whole blocks and an image, all of them plain in memory.
    private func network(_ height: Int) -> (model: Sequential, image: Tensor) {
        withGenerator(seed: 31) {
            let model = Sequential {
                Conv2d(16, 32, kernelSize: 5, padding: 2)
                ReLU()
                Conv2d(32, 16, kernelSize: 5)
            }
            let image = Tensor.randn([2, 16, height, 13])
            for tensor in model.parameters.map(\.value) + [image] { _ = tensor.array() }
            return (model, image)
        }
    }

    @Test(
        "A plain image becomes channel blocks once, however many convolutions follow",
        .enabled(if: CPUBackend.shared.engine != nil, "without the engine nothing lies in channel blocks"))
    func entering() throws {
        let (model, image) = network(11)
        let heading = try heading { _ = withoutGradient { model(image).array() } }
        #expect(heading.contains(", 1 of them copies or reorders"), "\(heading)")
    }

    @Test(
        "What turns plain at a network's end is a second reorder",
        .enabled(if: CPUBackend.shared.engine != nil, "without the engine nothing lies in channel blocks"))
    func leaving() throws {
        let (model, image) = network(12)
        let heading = try heading { _ = withoutGradient { model(image).flattened(from: 1).array() } }
        #expect(heading.contains(", 2 of them copies or reorders"), "\(heading)")
    }

    @Test(
        "Weights are packed once in inference; in training they are packed, and their gradients unpacked, in every run",
        .enabled(if: CPUBackend.shared.engine != nil, "without the engine weights lie as they are"))
    func packing() throws {
        let (model, image) = network(14)
        let inference = try heading { _ = withoutGradient { model(image).array() } }
        #expect(inference.contains(", 0 that pack or unpack weights"), "\(inference)")
        let training = try heading {
            model(image).square().mean().backward()
            for parameter in model.parameters { _ = parameter.gradient?.array() }
        }
        // Forward twice, once for the gradient of what the second convolution reads, and both weights' gradients.
        #expect(training.contains(", 5 that pack or unpack weights"), "\(training)")
    }

    @Test("A transposed matrix that has to be contiguous is a copy; one that is read as it lies is none")
    func transposed() throws {
        let matrix = Tensor([Float](repeating: 0.5, count: 29 * 31), shape: [29, 31])
        let copied = try heading { _ = matrix.transpose().flattened().array() }
        #expect(copied.contains("1 kernels, 1 of them copies or reorders, 0 that pack"), "\(copied)")
        let computed = try heading { _ = (matrix.transpose() + 1).flattened().array() }
        #expect(computed.contains("1 kernels, 0 of them copies or reorders, 0 that pack"), "\(computed)")
    }

    // MARK: Casts

    /// True where a step that copies one operand, or casts it, counts as a reorder.
    private func isReorder(_ input: OperandDescription, _ output: OperandDescription) -> Bool {
        let (from, to) = (input.type.dtype, output.type.dtype)
        let cast = FusedKernel.Instruction(operation: .cast, operands: [0], operandType: from, resultType: to)
        let rank = output.type.shape.rank
        let kernel = FusedKernel(
            sizes: output.type.shape.sizes, reduced: rank..<rank,
            inputs: [FusedKernel.Input(source: .operand(0), dtype: from, strides: input.strides)],
            instructions: from == to ? [] : [cast],
            outputs: [
                FusedKernel.Output(
                    register: from == to ? 0 : 1, output: 0, dtype: to, reduction: nil, strides: output.strides)
            ])
        return StepDescription(work: .fused(kernel), inputs: [input], outputs: [output]).isReorder
    }

    @Test("A cast on the way into channel blocks or out of them is a reorder, one that leaves the order alone is none")
    func casts() {
        let shape: Shape = [2, 32, 5, 3]
        let inBlocks = ChannelBlocks.shape(shape)
        func blocked(_ dtype: DataType) -> OperandDescription {
            var operand = OperandDescription.contiguous(inBlocks, dtype)
            operand.blockedShape = shape
            return operand
        }
        for (from, to) in [(DataType.float32, DataType.bfloat16), (.float32, .float32)] {
            // A plain value that is walked in the order of blocks, and blocks that are walked in the order of channels.
            let entering = OperandDescription(
                type: TensorType(inBlocks, from), strides: ChannelBlocks.strides(shape.contiguousStrides))
            let leaving = OperandDescription(
                type: TensorType(ChannelBlocks.inRowMajorOrder(inBlocks), from),
                strides: ChannelBlocks.inRowMajorOrder(inBlocks.contiguousStrides))
            #expect(isReorder(entering, blocked(to)))
            #expect(isReorder(leaving, .contiguous(leaving.type.shape, to)))
            // A copy is counted wherever it is; a cast beside which nothing moves is arithmetic.
            #expect(isReorder(blocked(from), blocked(to)) == (from == to))
            #expect(isReorder(.contiguous(shape, from), .contiguous(shape, to)) == (from == to))
        }
        // Broadcasts and gaps are no order of their own.
        let part = OperandDescription(type: TensorType([4, 6], .float32), strides: [12, 2])
        let spread = OperandDescription(type: TensorType([4, 6], .float32), strides: [0, 1])
        for operand in [part, spread] { #expect(!isReorder(operand, .contiguous([4, 6], .bfloat16))) }
        let turned = OperandDescription(type: TensorType([4, 6], .float32), strides: [6, -1])
        #expect(isReorder(turned, .contiguous([4, 6], .bfloat16)))
    }
}
