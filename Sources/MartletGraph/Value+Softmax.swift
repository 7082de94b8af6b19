// Sums of exponentials without overflow.

extension Value {
    /// Integers as float32.
    package var floating: Value { dtype.isFloatingPoint ? self : cast(to: .float32) }

    /// The maximum along axes, kept with size 1, outside any derivative; 0 where it is infinite, so that x - max is no NaN.
    package func finiteMaximum(_ axes: [Int]) -> Value {
        let largest = detached().maximum(over: axes, keeping: true)
        return Value.choose(largest.applying(.isInfinite), largest.constant(0), largest)
    }

    /// ln Σ e^x along axes, kept with size 1.
    package func logSumExp(_ axes: [Int]) -> Value {
        let shift = finiteMaximum(axes)
        return (self - shift).applying(.exp).sum(axes, keeping: true).applying(.log) + shift
    }
}
