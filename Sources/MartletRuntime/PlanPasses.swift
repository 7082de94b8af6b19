/// The planner's passes that can be left out, each by itself: what a wrong result is narrowed down with, and what tests compare.
///
/// `MARTLET_PASSES` names them, separated by commas, from left to right: `all` and `none` begin anew, `-layout` leaves a pass out,
/// `layout` or `+layout` takes it in. Where nothing is said all run.
///
/// Those in `exact` promise the same bits of finite float32 and float64 results whether they run or not; the others choose kernels that
/// add up in another order.
package struct PlanPasses: OptionSet, Hashable, Sendable {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }

    /// x·1 and x/1 are x.
    package static let simplification = PlanPasses(rawValue: 1 << 0)
    /// Composites run by a backend's kernel of their name instead of by their bodies.
    package static let compositeKernels = PlanPasses(rawValue: 1 << 1)
    /// Values in channel blocks, and the kernels that want them so.
    package static let layout = PlanPasses(rawValue: 1 << 2)
    /// `BatchNormFusion`.
    package static let batchNormFusion = PlanPasses(rawValue: 1 << 3)
    /// `ConvolutionFusion`.
    package static let convolutionFusion = PlanPasses(rawValue: 1 << 4)
    /// `Fusion`: elementwise items and reductions put together into steps.
    package static let fusion = PlanPasses(rawValue: 1 << 5)
    /// `FusionDeferral`: cheap items wait for the one that reads them.
    package static let fusionDeferral = PlanPasses(rawValue: 1 << 6)
    /// Updates of several parameters as one step.
    package static let updateGathering = PlanPasses(rawValue: 1 << 7)
    /// Results written over an operand of their step, in the arena and in a leaf's memory.
    package static let donation = PlanPasses(rawValue: 1 << 8)
    /// The arena's memory used again once nothing reads it.
    package static let memoryReuse = PlanPasses(rawValue: 1 << 9)
    /// Packed forms of parameters kept from run to run.
    package static let packedWeights = PlanPasses(rawValue: 1 << 10)
    /// Plans with large steps brought to the one thread that has the engine's pool; left out, every plan runs where it is asked for.
    package static let parallelSteps = PlanPasses(rawValue: 1 << 11)
    /// `QuantizedFusion`.
    package static let quantizedFusion = PlanPasses(rawValue: 1 << 12)

    /// `UpdateScaling`.
    package static let updateScaling = PlanPasses(rawValue: 1 << 13)
    /// `MaskRegeneration`: masks made of random bits are made again where a derivative reads them.
    package static let maskRegeneration = PlanPasses(rawValue: 1 << 14)
    /// `Fusion.joinSiblings`: groups that read the same memory and do not depend on each other become one.
    package static let siblingFusion = PlanPasses(rawValue: 1 << 15)
    /// Small steps of one program as one step, wherever they stand.
    package static let stepGathering = PlanPasses(rawValue: 1 << 16)
    /// `ConstantFolding`: what follows from parameters alone is computed once.
    package static let constantFolding = PlanPasses(rawValue: 1 << 17)

    /// `RectifierPooling`.
    package static let rectifierPooling = PlanPasses(rawValue: 1 << 21)
    /// `ProductFusion`.
    package static let productFusion = PlanPasses(rawValue: 1 << 20)
    /// A weight's update in the kernel of the product that makes its gradient (`joinGradientUpdates`).
    package static let gradientUpdates = PlanPasses(rawValue: 1 << 18)
    /// The squares of a norm over gradients added up where these are made (`gatherNorms`).
    package static let normGathering = PlanPasses(rawValue: 1 << 19)

    /// Every pass by its name, in the order in which they run.
    package static let named: [(name: String, pass: PlanPasses)] = [
        ("simplification", .simplification), ("composite-kernels", .compositeKernels), ("layout", .layout),
        ("rectifier-pooling", .rectifierPooling), ("batch-norm-fusion", .batchNormFusion),
        ("convolution-fusion", .convolutionFusion),
        ("product-fusion", .productFusion),
        ("quantized-fusion", .quantizedFusion), ("update-scaling", .updateScaling), ("fusion", .fusion),
        ("fusion-deferral", .fusionDeferral), ("sibling-fusion", .siblingFusion),
        ("mask-regeneration", .maskRegeneration), ("gradient-updates", .gradientUpdates),
        ("norm-gathering", .normGathering), ("update-gathering", .updateGathering),
        ("step-gathering", .stepGathering), ("donation", .donation), ("memory-reuse", .memoryReuse),
        ("packed-weights", .packedWeights), ("constant-folding", .constantFolding), ("parallel-steps", .parallelSteps),
    ]

    package static let all = named.reduce(PlanPasses()) { $0.union($1.pass) }
    package static let none: PlanPasses = []

    /// Passes that change no bit of a float32 or float64 result as long as every number is finite.
    ///
    /// 16-bit floats are another matter: what is folded is rounded once instead of after each operation
    /// (docs/decisions/0006-folding-in-inference.md).
    package static let exact: PlanPasses = all.subtracting([.compositeKernels, .layout, .quantizedFusion])

    /// Passes of `exact` whose results have the same bits where NaN and infinities turn up, too. The others fold a rectifier into an
    /// engine's kernel, which makes 0 of NaN; they do so in inference only.
    package static let exactBeyondFinite: PlanPasses = exact.subtracting([.convolutionFusion, .productFusion])

    /// The passes that the words name.
    package init(parsing text: String) throws(PlanSettingError) {
        var passes = PlanPasses.all
        for word in text.split(separator: ",") {
            let word = word.filter { $0 != " " }
            let sign = word.first.flatMap { $0 == "-" || $0 == "+" ? $0 : nil }
            let name = sign == nil ? word[...] : word.dropFirst()
            switch (sign, name) {
            case (nil, "all"): passes = .all
            case (nil, "none"): passes = .none
            case (_, ""): break
            default:
                guard let pass = PlanPasses.named.first(where: { $0.name == name })?.pass else {
                    let known = (["all", "none"] + PlanPasses.named.map(\.name)).joined(separator: ", ")
                    throw PlanSettingError(
                        "MARTLET_PASSES", "\"\(name)\" is no pass; known are \(known), with - before those to leave out"
                    )
                }
                if sign == "-" { passes.subtract(pass) } else { passes.formUnion(pass) }
            }
        }
        self = passes
    }
}

extension PlanPasses: CustomStringConvertible {
    /// What `MARTLET_PASSES` would say: the passes left out, or `none` and those that run.
    package var description: String {
        let out = PlanPasses.named.filter { !contains($0.pass) }.map { "-" + $0.name }
        if out.isEmpty { return "all" }
        if out.count * 2 <= PlanPasses.named.count { return out.joined(separator: ",") }
        return (["none"] + PlanPasses.named.filter { contains($0.pass) }.map(\.name)).joined(separator: ",")
    }
}

/// An environment variable that says something nobody understands.
package struct PlanSettingError: Error, CustomStringConvertible {
    package let variable: String
    package let reason: String
    init(_ variable: String, _ reason: String) { (self.variable, self.reason) = (variable, reason) }
    package var description: String { "\(variable): \(reason)" }
}
