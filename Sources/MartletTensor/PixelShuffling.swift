// Channels as positions and positions as channels.

/// Blocks of factor² channels laid out as factor × factor positions.
///
///     y[b, c, h·factor + i, w·factor + j] = x[b, c·factor² + i·factor + j, h, w]
///
/// ## Shapes
/// - `[batch, channels·factor², height, width]` → `[batch, channels, height·factor, width·factor]`
///
/// Source: W. Shi et al., "Real-time single image and video super-resolution" (2016).
public func pixelShuffle(_ x: Tensor, _ factor: Int) -> Tensor {
    guard factor > 0, x.rank == 4, x.shape[1] % (factor * factor) == 0 else {
        stop("pixelShuffle(\(factor)): [batch, channels·factor², height, width] is expected, the shape is \(x.shape)")
    }
    let (channels, height, width) = (x.shape[1] / (factor * factor), x.shape[2], x.shape[3])
    return x.reshape([x.shape[0], channels, factor, factor, height, width]).permute([0, 1, 4, 2, 5, 3])
        .reshape([x.shape[0], channels, height * factor, width * factor])
}

/// factor × factor positions laid out as blocks of factor² channels: what undoes `pixelShuffle`.
///
/// ## Shapes
/// - `[batch, channels, height·factor, width·factor]` → `[batch, channels·factor², height, width]`
public func pixelUnshuffle(_ x: Tensor, _ factor: Int) -> Tensor {
    guard factor > 0, x.rank == 4, x.shape[2] % factor == 0, x.shape[3] % factor == 0 else {
        stop("pixelUnshuffle(\(factor)): height and width are no multiples of the factor, the shape is \(x.shape)")
    }
    let (channels, height, width) = (x.shape[1], x.shape[2] / factor, x.shape[3] / factor)
    return x.reshape([x.shape[0], channels, height, factor, width, factor]).permute([0, 1, 3, 5, 2, 4])
        .reshape([x.shape[0], channels * factor * factor, height, width])
}
