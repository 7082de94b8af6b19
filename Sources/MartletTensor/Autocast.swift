import MartletGraph

/// Mixed precision: inside `body` matrix products and convolutions run in a narrow type.
///
///     let loss = autocast { crossEntropy(model(x), y) }
///     loss.backward()
///     optimizer.step()
///
/// Parameters stay in float32 and are rounded where a product reads them, so that small updates are not lost; their gradients
/// arrive in float32 too. Batch normalisation keeps its numbers a channel in float32, losses and softmax are computed in float32.
/// What comes between (activations, additions, pooling) stays in the type of its operands. float64 is left alone.
///
/// bfloat16 has float32's range: no loss scaling is needed. It is quicker where the engine and the processor multiply it
/// (AVX512_BF16, AMX); elsewhere it is correct and slow.
///
/// The same division as torch.autocast's; call `backward()` outside, as there.
///
/// - Parameters:
///   - dtype: `.bfloat16` or `.float16`.
///   - isEnabled: false leaves every type as it is.
public func autocast<Result>(
    _ dtype: DataType = .bfloat16, isEnabled: Bool = true, _ body: () throws -> Result
) rethrows -> Result {
    guard dtype == .bfloat16 || dtype == .float16 else {
        stop("autocast: \(dtype) is no type to compute products in; bfloat16 or float16 is expected")
    }
    return try Modes.with({ $0.autocast = isEnabled ? dtype : nil }, body)
}
