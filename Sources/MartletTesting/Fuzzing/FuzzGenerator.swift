import MartletGraph

/// Draws scripts: from a seed always the same one.
package struct FuzzGenerator {
    private var random: FuzzRandom
    private let isExact: Bool
    private var instructions: [FuzzScript.Instruction] = []
    private var values: [Value] = []
    private var watched: [Int] = []
    private var withGradients = false

    /// The script of a seed: 10 to 60 instructions.
    package static func script(seed: UInt64) -> FuzzScript {
        var random = FuzzRandom(seed: seed)
        let isExact = random.chance(75)
        var generator = FuzzGenerator(random: random, isExact: isExact)
        let trace = Recording(transformation: "fuzz")
        defer { trace.discard() }
        Recording.with(trace) { generator.draw() }
        let cuts = generator.drawMarks()
        return FuzzScript(seed: seed, isExact: isExact, instructions: generator.instructions, cuts: cuts)
    }

    private init(random: FuzzRandom, isExact: Bool) {
        self.random = random
        self.isExact = isExact
    }

    private mutating func draw() {
        let count = 10 + random.below(51)
        withGradients = random.chance(30)
        for _ in 0..<(2 + random.below(3)) {
            addInput(shape: drawShape(), dtype: withGradients ? .float64 : drawType())
        }
        if withGradients { watch() }
        var attempts = 0
        while instructions.count < count, attempts < 400 {
            attempts += 1
            if withGradients, instructions.count > count * 2 / 3, random.chance(15) { addGradient() } else { addWork() }
        }
    }

    /// Who is kept, who is part of an expression, who is recorded elsewhere; where it is cut.
    private mutating func drawMarks() -> Set<Int> {
        let withOther = random.chance(15)
        var readers = Set<Int>()
        for index in instructions.indices.reversed() {
            let isRead = readers.contains(index)
            instructions[index].isKept = !isRead || random.chance(15)
            // What another thread may need has a handle.
            instructions[index].isTemporary = !withOther && random.chance(50)
            instructions[index].isElsewhere = withOther && random.chance(30)
            readers.formUnion(instructions[index].operands)
        }
        guard random.chance(70) else { return [] }
        let share = random.element([5, 20, 100])
        return Set(instructions.indices.filter { _ in random.chance(share) })
    }

    // MARK: Types and inputs

    private mutating func drawType() -> DataType {
        if !isExact { return random.chance(60) ? .float64 : .float32 }
        return random.weighted([
            (35, .float32), (25, .float64), (8, .int64), (6, .int32), (4, .int8), (4, .uint8), (4, .bool),
            (7, .bfloat16),
            (7, .float16),
        ])
    }

    private mutating func drawShape() -> Shape {
        if random.chance(4) { return random.element([[513], [3, 347], [1031], [2, 17, 40]]) }
        let rank = random.weighted([(1, 0), (4, 1), (7, 2), (6, 3), (2, 4)])
        return Shape((0..<rank).map { _ in random.weighted([(3, 1), (5, 2), (6, 3), (4, 4), (2, 5), (1, 7)]) })
    }

    @discardableResult
    private mutating func addInput(shape: Shape, dtype: DataType) -> Int {
        let type = TensorType(shape, dtype)
        let layout = random.chance(50) ? 0 : random.below(HostMemory.layoutCount)
        add(.input(type, seed: random.next() >> 32, layout: layout), [])
        return instructions.count - 1
    }

    @discardableResult
    private mutating func add(_ work: FuzzWork, _ operands: [Int]) -> Bool {
        let value: Value
        do throws(ShapeError) {
            value = try work.record(operands.map { values[$0] }, isExact: isExact, input: nil)
        } catch { return false }
        guard operands.isEmpty || value.shape.elementCount <= 2048 else { return false }
        values.append(value)
        instructions.append(
            FuzzScript.Instruction(
                work: work, operands: operands, type: value.type, isKept: false, isTemporary: false, isElsewhere: false)
        )
        return true
    }

    /// A value that exists, the later the likelier.
    private mutating func pick(_ fits: (TensorType) -> Bool = { _ in true }) -> Int? {
        let candidates = instructions.indices.filter { fits(instructions[$0].type) }
        guard !candidates.isEmpty else { return nil }
        let recent = candidates.suffix(6)
        return random.chance(60) ? recent[recent.startIndex + random.below(recent.count)] : random.element(candidates)
    }

    /// A value of this type: one that exists, or a new input.
    private mutating func partner(_ shape: Shape, _ dtype: DataType) -> Int {
        let type = TensorType(shape, dtype)
        if random.chance(60), let found = pick({ $0 == type }) { return found }
        return addInput(shape: shape, dtype: dtype)
    }

    // MARK: Gradients

    private mutating func watch() {
        guard let source = pick({ $0.dtype == .float64 }) else { return }
        if add(.watch, [source]) { watched.append(instructions.count - 1) }
    }

    private mutating func addGradient() {
        guard let target = watched.last.map({ _ in random.element(watched) }),
            let output = pick({ $0.dtype == .float64 }), values[output].isDifferentiable, output != target
        else { return watch() }
        add(.gradient, [output, target])
    }

    // MARK: Families

    private mutating func addWork() {
        guard let source = pick() else { return }
        let type = instructions[source].type
        switch random.below(22) {
        case 0, 1, 2: addBinary(source, type)
        case 3: add(.unary(drawUnary(type.dtype)), [source])
        case 4: addNumber(source, type)
        case 5: addSelect(source, type)
        case 6: if isExact, values[source].isDifferentiable == false { add(.cast(drawType()), [source]) }
        case 7, 8, 9, 10, 11: addView(source, type)
        case 12: addSliceUpdate(source, type)
        case 13: addIndexed(source, type)
        case 14, 15, 16: addReduction(source, type)
        case 17: addScan(source, type)
        case 18, 19: random.chance(20) ? addBlockConvolution() : addContraction(source, type)
        case 20: addSource()
        default: addBody(source, type)
        }
    }

    private mutating func drawUnary(_ dtype: DataType) -> UnaryFunction {
        guard isExact else {
            return random.element([.sin, .cos, .tanh, .sigmoid, .erf, .atan, .negate, .expm1, .square])
        }
        if dtype == .bool { return .logicalNot }
        return random.element([.negate, .absolute, .sign, .relu, .square, .floor, .ceil, .round, .truncate, .isNaN])
    }

    private mutating func addBinary(_ source: Int, _ type: TensorType) {
        if type.dtype == .bool {
            add(.binary(random.element([.logicalAnd, .logicalOr, .logicalXor])), [source, partner(type.shape, .bool)])
            return
        }
        var shape = type.shape
        for axis in shape.indices where random.chance(15) { shape[axis] = 1 }
        if shape.rank > 0, random.chance(15) { shape = Shape(Array(shape.sizes.dropFirst())) }
        // Not the angle: it jumps where its first operand is 0 within rounding, and by the sign of a zero.
        let smooth: [BinaryFunction] = [.add, .subtract, .multiply, .maximum, .minimum]
        let exact: [BinaryFunction] = [
            .add, .subtract, .multiply, .multiply, .maximum, .minimum, .equal, .notEqual, .less, .lessOrEqual, .greater,
            .greaterOrEqual,
        ]
        let function = random.element(isExact ? exact : smooth)
        let other = partner(shape, type.dtype)
        add(.binary(function), random.chance(50) ? [source, other] : [other, source])
    }

    private mutating func addNumber(_ source: Int, _ type: TensorType) {
        guard type.dtype != .bool else { return }
        add(.number(random.element([.add, .subtract, .multiply, .maximum, .minimum]), random.below(9)), [source])
    }

    private mutating func addSelect(_ source: Int, _ type: TensorType) {
        let condition = partner(type.shape, .bool)
        let other = partner(type.shape, type.dtype)
        add(.select, [condition, source, other])
    }

    private mutating func addView(_ source: Int, _ type: TensorType) {
        let shape = type.shape
        switch random.below(6) {
        case 0: add(.reshape(drawRearranged(shape)), [source])
        case 1 where shape.rank > 1: add(.permute(Array(0..<shape.rank).shuffled(using: &random)), [source])
        case 2:
            var target = shape
            for axis in target.indices where target[axis] == 1 && random.chance(70) {
                target[axis] = 1 + random.below(4)
            }
            if random.chance(30) { target = Shape([1 + random.below(3)] + target.sizes) }
            if target != shape { add(.expand(target), [source]) }
        case 3 where shape.rank > 0:
            let axes = shape.indices.filter { _ in random.chance(50) }
            if !axes.isEmpty { add(.flip(axes), [source]) }
        case 4 where shape.rank > 0:
            add(.concatenate(random.below(shape.rank)), [source, partner(shape, type.dtype)])
        default: if shape.rank > 0 { addSlice(source, shape) }
        }
    }

    private mutating func drawRearranged(_ shape: Shape) -> Shape {
        var sizes = shape.sizes
        if sizes.count > 1, random.chance(60) {
            let axis = random.below(sizes.count - 1)
            sizes[axis] *= sizes.remove(at: axis + 1)
        } else if let axis = sizes.firstIndex(where: { $0 > 1 && $0 % 2 == 0 }) {
            sizes[axis] /= 2
            sizes.insert(2, at: axis + random.below(2))
        } else {
            sizes.insert(1, at: random.below(sizes.count + 1))
        }
        return Shape(sizes)
    }

    private mutating func drawSlice(_ shape: Shape) -> (starts: [Int], sizes: [Int], steps: [Int]) {
        var result: (starts: [Int], sizes: [Int], steps: [Int]) = ([], [], [])
        for size in shape.sizes {
            let step = random.chance(25) ? 2 : 1
            let start = random.below(size)
            let most = (size - start + step - 1) / step
            result.starts.append(start)
            result.steps.append(step)
            result.sizes.append(size == 0 || random.chance(2) ? 0 : 1 + random.below(most))
        }
        return result
    }

    private mutating func addSlice(_ source: Int, _ shape: Shape) {
        let slice = drawSlice(shape)
        add(.slice(starts: slice.starts, sizes: slice.sizes, steps: slice.steps), [source])
    }

    private mutating func addSliceUpdate(_ source: Int, _ type: TensorType) {
        let slice = drawSlice(type.shape)
        let updates = partner(Shape(slice.sizes), type.dtype)
        add(.updateSlice(starts: slice.starts, steps: slice.steps), [source, updates])
    }

    private mutating func addIndexed(_ source: Int, _ type: TensorType) {
        guard type.shape.rank > 0, type.shape.elementCount > 0 else { return }
        let axis = random.below(type.shape.rank)
        let stride = 1 + random.below(3)
        var updates = type.shape
        updates[axis] = 1 + random.below(4)
        switch random.below(4) {
        case 0: add(.gather(axis: axis, count: updates[axis], stride: stride), [source])
        case 1: add(.indexSelect(axis: axis, count: updates[axis], stride: stride), [source])
        case 2: add(.scatter(.add, axis: axis, stride: stride), [source, partner(updates, type.dtype)])
        default: add(.indexAdd(axis: axis, stride: stride), [source, partner(updates, type.dtype)])
        }
    }

    private mutating func addReduction(_ source: Int, _ type: TensorType) {
        let axes = type.shape.indices.filter { _ in random.chance(50) }
        guard !axes.isEmpty else { return }
        var kinds: [Reduce.Kind] = [.sum, .sum, .max, .min]
        if isExact { kinds += type.dtype == .bool ? [.any, .all] : [.any] }
        if type.dtype == .bool { kinds = [.any, .all, .sum] }
        add(.reduce(random.element(kinds), Array(axes)), [source])
    }

    private mutating func addScan(_ source: Int, _ type: TensorType) {
        guard type.shape.rank > 0, type.shape.elementCount > 0, type.dtype != .bool else { return }
        let axis = random.below(type.shape.rank)
        switch random.below(3) {
        case 0 where isExact:
            add(.sort(axis: axis, descending: random.chance(50), positions: random.chance(30)), [source])
        case 1 where isExact: add(.argReduce(random.chance(50) ? .max : .min, axis), [source])
        default:
            add(.cumulativeSum(axis: axis, reverse: random.chance(50), exclusive: random.chance(30)), [source])
        }
    }

    private mutating func addContraction(_ source: Int, _ type: TensorType) {
        guard type.dtype.isFloatingPoint, type.shape.elementCount > 0 else { return }
        let shape = type.shape
        if shape.rank == 4, random.chance(70) {
            let kernel = 1 + random.below(min(2, min(shape[2], shape[3])))
            let window = [kernel, kernel]
            switch random.below(3) {
            case 0: add(.maxPool(kernel, stride: 1 + random.below(2)), [source])
            case 1: add(.averagePool(kernel), [source])
            default:
                let channels = 1 + random.below(3)
                let hasBias = random.chance(50)
                var operands = [source, partner(Shape([channels, shape[1]] + window), type.dtype)]
                if hasBias { operands.append(partner([channels], type.dtype)) }
                add(.convolution(stride: 1 + random.below(2), padding: random.below(2), hasBias: hasBias), operands)
            }
            return
        }
        guard shape.rank >= 2 else { return }
        var right = shape
        right[shape.rank - 2] = shape[shape.rank - 1]
        right[shape.rank - 1] = 1 + random.below(5)
        let hasBias = random.chance(30)
        var operands = [source, partner(right, type.dtype)]
        if hasBias { operands.append(partner([right[shape.rank - 1]], type.dtype)) }
        add(.matmul(hasBias: hasBias), operands)
    }

    /// A convolution of whole channel blocks, which an engine takes and after which values stay blocked: of an image that
    /// exists where one has such channels, else of a new one.
    private mutating func addBlockConvolution() {
        let side = 4 + random.below(3)
        let found = pick { type in
            type.dtype.isFloatingPoint && type.shape.rank == 4 && type.shape[1] > 0 && type.shape[1] % 16 == 0
                && type.shape[2] > 1 && type.shape[3] > 1
        }
        let dtype: DataType = withGradients || !isExact ? .float64 : random.element([.float32, .float32, .bfloat16])
        let source = found ?? addInput(shape: [1, random.element([16, 16, 32, 32, 3]), side, side], dtype: dtype)
        let type = instructions[source].type
        let kernel = 1 + random.below(2)
        let channels = random.element([16, 16, 32])
        var operands = [source, partner(Shape([channels, type.shape[1], kernel, kernel]), type.dtype)]
        let hasBias = random.chance(50)
        if hasBias { operands.append(partner([channels], type.dtype)) }
        let (stride, padding) = (1 + random.below(2), random.below(2))
        if isExact, random.chance(40) {
            let gradient = FuzzWork.convolutionGradient(byWeight: random.chance(50), stride: stride, padding: padding)
            add(gradient, Array(operands.prefix(2)))
        } else {
            let convolution = FuzzWork.convolution(stride: stride, padding: padding, hasBias: hasBias)
            guard add(convolution, operands), random.chance(50) else { return }
            // The same with a part of the weight replaced, in place where nobody holds the old one: what was packed from that is
            // stale.
            let weight = instructions[operands[1]].type
            let part = partner(Shape([1] + weight.shape.sizes.dropFirst()), weight.dtype)
            let starts = [random.below(weight.shape[0]), 0, 0, 0]
            add(.updateSlice(starts: starts, steps: [1, 1, 1, 1]), [operands[1], part])
            operands[1] = instructions.count - 1
            add(convolution, operands)
        }
    }

    private mutating func addSource() {
        if random.chance(30) {
            let shape = random.chance(50) ? [] : drawShape()
            add(.filled(TensorType(shape, drawType()), random.below(4)), [])
            return
        }
        let shape = drawShape()
        if shape.rank > 0, random.chance(50) {
            add(.iota(shape, axis: random.below(shape.rank)), [])
        } else {
            add(.randomBits(shape, start: random.below(100)), [])
        }
    }

    private mutating func addBody(_ source: Int, _ type: TensorType) {
        guard type.dtype.isFloatingPoint, type.shape.elementCount > 0 else { return }
        switch random.below(4) {
        case 0 where !isExact && type.shape.rank > 0: add(.softmax(axis: random.below(type.shape.rank)), [source])
        case 1 where !isExact && type.shape.rank >= 2:
            let channels: Shape = [type.shape[1]]
            add(.batchNorm, [source, partner(channels, type.dtype), partner(channels, type.dtype)])
        case 2 where !isExact:
            add(.adam(rate: random.below(9)), [source, partner(type.shape, type.dtype)])
        default: add(.sgd(rate: random.below(3)), [source, partner(type.shape, type.dtype)])
        }
    }
}
