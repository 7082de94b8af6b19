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

    /// x - ln Σ eˣ over some axes: what is subtracted first is the largest, so that large logits leave the small sum its digits.
    package func logSoftmax(_ axes: [Int]) -> Value {
        let shifted = self - finiteMaximum(axes)
        return shifted - shifted.applying(.exp).sum(axes, keeping: true).applying(.log)
    }
}
