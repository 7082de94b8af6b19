import MartletGraph

/// A graph on its way to a plan: bases (memory to be), and items (work) over views of them.
package struct PlanGraph: Sendable {
    /// Something with memory, or that stands for memory.
    package struct Base: Sendable {
        package enum Kind: Sendable {
            case leaf(Int)
            case produced(item: Int)
            /// A number: every stride is 0.
            case scalar(ArgumentReference)
            /// Coordinates: the element is its own offset.
            case index
            /// Random bits: the element is the one at its own offset; key and start are scalars.
            case random(key: View, start: View)
            /// Another base's memory, for readers that must not be computed beside those of the base itself: they run after a
            /// second base was made, where one is named. Only the grouping of items sees it (`resolvingFences`).
            case fence(of: Int, after: Int?)
            /// No elements at all.
            case empty
        }
        package var kind: Kind
        package var type: TensorType
        /// True where the memory must outlive the run.
        package var isKept = false
        /// True for a leaf that rarely changes: a parameter, what a compiled function keeps.
        package var isStable = false
        /// The value's shape where it lies in channel blocks; `type` is then the shape in memory.
        package var blockedShape: Shape?
    }

    package struct Item: Sendable {
        package enum Work: Sendable {
            case elementwise(FusedKernel.Operation)
            case reduce(Reduce)
            case primitive(Primitive)
        }
        package var work: Work
        package var inputs: [Operand]
        package var outputs: [Int]
        package var arguments: [ArgumentReference] = []
        /// The layers whose work it is, first the one that recorded it.
        package var origins: [Origin] = []
        /// True where it was recorded in inference: without a history, and not as part of a derivative.
        package var isInference = false
    }

    /// Where the items that are added come from, and whether that was in inference.
    package var origin = Origin.none
    package var isInference = false

    /// A view with its type.
    package struct Operand: Hashable, Sendable {
        package var view: View
        package var type: TensorType
        /// The value's shape where it is a whole base in channel blocks; view and type are then those in memory.
        package var blockedShape: Shape?
        package init(view: View, type: TensorType, blockedShape: Shape? = nil) {
            self.view = view
            self.type = type
            self.blockedShape = blockedShape
        }
        /// The value's type, however it lies in memory.
        package var valueType: TensorType { TensorType(blockedShape ?? type.shape, type.dtype) }
        package var isContiguous: Bool { View.isContiguous(view.strides, type.shape) }
        /// Type and layout, as a backend is asked about them.
        var layout: OperandLayout { OperandLayout(type: valueType, block: block) }
        /// The size of the channel blocks it lies in; nil where it is plain.
        package var block: Int? { blockedShape == nil ? nil : type.shape.sizes.last }
    }

    package var bases: [Base] = []
    package var items: [Item] = []
    /// Scalars beyond the run's arguments: the library's own numbers, and room for what steps work out.
    package private(set) var constants: [Scalar] = []
    private var knownConstants: [Scalar: Int] = [:]
    /// Fences that were made already.
    var fences: [FenceKey: Int] = [:]
    package let argumentCount: Int

    package init(argumentCount: Int) { self.argumentCount = argumentCount }

    /// The index of a number among the run's scalars.
    package mutating func scalarIndex(_ reference: ArgumentReference) -> Int {
        switch reference {
        case .runtime(let index): return index
        case .fixed(let scalar):
            if let known = knownConstants[scalar] { return known }
            let index = reserveScalars(1)
            constants[index - argumentCount] = scalar
            knownConstants[scalar] = index
            return index
        }
    }

    /// Neighbouring scalars of the run that a step fills before it runs.
    package mutating func reserveScalars(_ count: Int) -> Int {
        constants.append(contentsOf: repeatElement(Scalar(0), count: count))
        return argumentCount + constants.count - count
    }

    package mutating func addBase(_ kind: Base.Kind, _ type: TensorType) -> Int {
        bases.append(Base(kind: kind, type: type))
        return bases.count - 1
    }

    /// The whole of a base, contiguous.
    package func whole(_ base: Int) -> Operand {
        let type = bases[base].type
        return Operand(
            view: View(base: base, strides: type.shape.contiguousStrides, offset: .init()), type: type,
            blockedShape: bases[base].blockedShape)
    }

    /// True where the operand is its base, element for element in the same shape.
    package func isWhole(_ operand: Operand) -> Bool {
        operand.view.offset.isZero && bases[operand.view.base].type.shape.sizes == operand.type.shape.sizes
            && operand.isContiguous
    }

    /// `isWhole`, and what the self-test's bug takes for it.
    func isMetWhole(_ operand: Operand) -> Bool {
        isWhole(operand)
            || PlannedBug.planted == .viewTakenWhole
                && operand.type.shape.sizes == bases[operand.view.base].type.shape.sizes
    }

    /// Adds work that produces new bases; `blockedShapes` are the shapes of those that lie in channel blocks.
    package mutating func addItem(
        _ work: Item.Work, _ inputs: [Operand], _ types: [TensorType], arguments: [ArgumentReference] = [],
        blockedShapes: [Shape?] = []
    ) -> [Operand] {
        let index = items.count
        let outputs = types.map { addBase($0.shape.elementCount == 0 ? .empty : .produced(item: index), $0) }
        for (output, shape) in zip(outputs, blockedShapes) { bases[output].blockedShape = shape }
        items.append(
            Item(
                work: work, inputs: inputs, outputs: outputs, arguments: arguments,
                origins: origin == .none ? [] : [origin],
                isInference: isInference))
        return outputs.map { whole($0) }
    }

    /// The operand as memory of its own, contiguous: itself where it is that already.
    package mutating func materialized(_ operand: Operand) -> Operand {
        if isReal(operand.view.base), operand.isContiguous { return operand }
        return copied(operand)
    }

    package mutating func copied(_ operand: Operand) -> Operand {
        addItem(.elementwise(.cast), [operand], [operand.type], blockedShapes: [operand.blockedShape])[0]
    }

    /// True where the base is memory: a leaf's or an item's.
    package func isReal(_ base: Int) -> Bool {
        switch bases[base].kind {
        case .leaf, .produced, .fence, .empty: true
        case .scalar, .index, .random: false
        }
    }
}
