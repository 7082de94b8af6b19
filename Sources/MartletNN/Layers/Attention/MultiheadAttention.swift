import MartletGraph
import MartletTensor

/// Attention in several heads, each between its own projections of queries, keys and values.
///
///     headᵢ = softmax(QWᵢ·(KUᵢ)ᵀ/√(width/heads))·VTᵢ          y = concatenated heads · Wₒᵀ + bₒ
///
/// Called with one tensor it attends to itself. Masks say where a query *may* look, as in `scaledDotProductAttention`; those of
/// torch.nn.MultiheadAttention say where it may not.
///
/// ## Shapes
/// - query `[queries, batch, width]`, key `[keys, batch, keyWidth]`, value `[keys, batch, valueWidth]` → `[queries, batch, width]`;
///   batch first with `batchFirst`
/// - `in_proj_weight` `[3·width, width]`, `in_proj_bias` `[3·width]`, `out_proj.weight` `[width, width]`; where keys or values have
///   a width of their own, `q_proj_weight`, `k_proj_weight` and `v_proj_weight`: PyTorch's names
///
/// Source: A. Vaswani et al. (2017), in the form of torch.nn.MultiheadAttention.
public final class MultiheadAttention: Layer, ModeDependent, CountsOperations {
    /// Training or evaluation, as `train()` and `eval()` set it: only dropout asks.
    public let mode = ModeSwitch()
    /// The features of a query and of the output.
    public let width: Int
    /// Heads, each of width / heads features.
    public let heads: Int
    /// The probability with which weights become 0 in training.
    public let dropout: Double
    /// Whether inputs and outputs are `[batch, positions, features]` and not `[positions, batch, features]`.
    public let batchFirst: Bool
    /// The projections of queries, keys and values above one another; nil where keys or values have a width of their own.
    private let inputWeight: Parameter?
    /// Those projections one by one, where `inputWeight` is nil.
    private let separateWeights: [Parameter]
    private let inputBias: Parameter?
    /// Wₒ and bₒ.
    public let outputProjection: Linear

    /// The input's projections start from Glorot's uniform distribution, biases from 0, as PyTorch's do.
    ///
    /// - Parameters:
    ///   - width: the features of a query and of the output, a multiple of `heads`.
    ///   - heads: the number of heads.
    ///   - dropout: the probability with which weights become 0 in training.
    ///   - bias: whether the projections have biases.
    ///   - keyWidth: the features of a key; `width` where nil.
    ///   - valueWidth: the features of a value; `width` where nil.
    ///   - batchFirst: whether inputs and outputs are `[batch, positions, features]`.
    public init(
        _ width: Int, heads: Int, dropout: Double = 0, bias: Bool = true, keyWidth: Int? = nil, valueWidth: Int? = nil,
        batchFirst: Bool = false
    ) {
        guard width > 0, heads > 0, width % heads == 0, (0..<1).contains(dropout) else {
            stop(
                "MultiheadAttention(\(width), heads: \(heads), dropout: \(dropout)): the width is no multiple of the heads, or the dropout no probability below 1"
            )
        }
        (self.width, self.heads, self.dropout, self.batchFirst) = (width, heads, dropout, batchFirst)
        let initial = Initializer.glorotUniform()
        let widths = [width, keyWidth ?? width, valueWidth ?? width]
        let isOne = widths.allSatisfy { $0 == width }
        inputWeight = isOne ? Parameter(initial([3 * width, width])) : nil
        separateWeights = isOne ? [] : widths.map { Parameter(initial([width, $0])) }
        inputBias = bias ? Parameter(.zeros([3 * width])) : nil
        outputProjection = Linear(width, width, bias: bias, biasInitializer: .zeros)
    }

    /// The parameters, under PyTorch's names.
    public var members: [(name: String, value: Any)] {
        var found: [(name: String, value: Any)] = inputWeight.map { [("in_proj_weight", $0)] } ?? []
        for (name, weight) in zip(["q_proj_weight", "k_proj_weight", "v_proj_weight"], separateWeights) {
            found.append((name, weight))
        }
        if let inputBias { found.append(("in_proj_bias", inputBias)) }
        return found + [("out_proj", outputProjection)]
    }

    /// x attending to itself.
    public func callAsFunction(_ x: Tensor) -> Tensor { self(x, mask: nil) }

    /// x attending to itself.
    ///
    /// - Parameters:
    ///   - x: queries, keys and values.
    ///   - mask: as in `scaledDotProductAttention`; `[queries, keys]`, or anything that broadcasts to `[batch, heads, queries, keys]`.
    ///   - keyPadding: Boolean `[batch, keys]`, true where a key is padding that nobody looks at.
    ///   - isCausal: whether query i looks at keys 0...i alone.
    public func callAsFunction(
        _ x: Tensor, mask: Tensor?, keyPadding: Tensor? = nil, isCausal: Bool = false
    ) -> Tensor {
        observed(x) { x in attended(x, x, x, isSelf: true, mask, keyPadding, isCausal).output }
    }

    /// Queries attending to keys; masks as in attention to itself.
    public func callAsFunction(
        _ query: Tensor, _ key: Tensor, _ value: Tensor, mask: Tensor? = nil, keyPadding: Tensor? = nil,
        isCausal: Bool = false
    ) -> Tensor {
        observed(query) { attended($0, key, value, isSelf: false, mask, keyPadding, isCausal).output }
    }

    /// Queries attending to keys, and how: the weights before dropout, `[batch, queries, keys]` as the mean over heads, or
    /// `[batch, heads, queries, keys]`.
    public func withWeights(
        _ query: Tensor, _ key: Tensor, _ value: Tensor, mask: Tensor? = nil, keyPadding: Tensor? = nil,
        isCausal: Bool = false, averagesHeads: Bool = true
    ) -> (output: Tensor, weights: Tensor) {
        var weights: Tensor?
        let output = observed(query) { query in
            let result = attended(query, key, value, isSelf: false, mask, keyPadding, isCausal)
            weights = averagesHeads ? result.weights.mean(axis: 1) : result.weights
            return result.output
        }
        guard let weights else { stop("MultiheadAttention: a hook kept the layer from running") }
        return (output, weights)
    }

    private func attended(
        _ query: Tensor, _ key: Tensor, _ value: Tensor, isSelf: Bool, _ mask: Tensor?, _ keyPadding: Tensor?,
        _ isCausal: Bool
    ) -> (output: Tensor, weights: Tensor) {
        check(query, key, value)
        let (q, k, v) = projected(query, key, value, isSelf: isSelf)
        let weights = attentionWeights(
            q, k, mask: combined(mask, keyPadding, batch: q.shape[0], keys: k.shape[2]), isCausal: isCausal, scale: nil)
        let isDropping = dropout > 0 && mode.isTraining
        let heads = matmul(isDropping ? MartletNN.dropout(weights, probability: dropout) : weights, v)
        let ordered = heads.permute(batchFirst ? [0, 2, 1, 3] : [2, 0, 1, 3])
        return (outputProjection(ordered.reshape(Shape(query.shape.sizes.prefix(2) + [width]))), weights)
    }

    /// Queries, keys and values in heads, `[batch, heads, positions, width / heads]`.
    private func projected(_ query: Tensor, _ key: Tensor, _ value: Tensor, isSelf: Bool) -> (Tensor, Tensor, Tensor) {
        let third = [width, width, width]
        if isSelf, let inputWeight {
            let all = linear(query, inputWeight.value, bias: inputBias?.value).parts(third, axis: 2).map(inHeads)
            return (all[0], all[1], all[2])
        }
        let weights = inputWeight.map { $0.value.parts(third, axis: 0) } ?? separateWeights.map(\.value)
        let biases = inputBias.map { $0.value.parts(third, axis: 0) }
        let all = [query, key, value].enumerated().map { inHeads(linear($1, weights[$0], bias: biases?[$0])) }
        return (all[0], all[1], all[2])
    }

    private func inHeads(_ x: Tensor) -> Tensor {
        let split = x.reshape([x.shape[0], x.shape[1], heads, width / heads])
        return split.permute(batchFirst ? [0, 2, 1, 3] : [1, 2, 0, 3])
    }

    /// One mask of both.
    private func combined(_ mask: Tensor?, _ keyPadding: Tensor?, batch: Int, keys: Int) -> Tensor? {
        guard let keyPadding else { return mask }
        guard keyPadding.shape.sizes == [batch, keys], keyPadding.dtype == .bool else {
            stop(
                "MultiheadAttention: a Boolean keyPadding [\(batch), \(keys)] is expected, not \(keyPadding.dtype) \(keyPadding.shape)"
            )
        }
        let isKey = (.!keyPadding).reshape([batch, 1, 1, keys])
        guard let mask else { return isKey }
        if mask.dtype == .bool { return mask .& isKey }
        return `where`(isKey, mask, Tensor(mask.value.constant(-.infinity)))
    }

    private func check(_ query: Tensor, _ key: Tensor, _ value: Tensor) {
        let widths = separateWeights.isEmpty ? [width, width, width] : separateWeights.map { $0.shape[1] }
        let inputs = [query, key, value]
        let batchAxis = batchFirst ? 0 : 1
        guard inputs.allSatisfy({ $0.rank == 3 }), inputs.map({ $0.shape[2] }) == widths,
            inputs.allSatisfy({ $0.shape[batchAxis] == query.shape[batchAxis] }),
            key.shape[1 - batchAxis] == value.shape[1 - batchAxis]
        else {
            stop(
                "MultiheadAttention: queries, keys and values of \(widths) features and one batch are expected, the shapes are "
                    + "\(query.shape), \(key.shape) and \(value.shape)")
        }
    }

    /// What self-attention over the input multiplies: the projections, the scores and the weighted values.
    public func multiplyAdds(input: Shape, output: Shape) -> Int {
        let (positions, batch) = batchFirst ? (input[1], input[0]) : (input[0], input[1])
        return batch * positions * (3 * width * width + 2 * positions * width)
    }
}
