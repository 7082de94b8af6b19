import MartletTensor
import Testing

/// `checkGradient`: it passes what is right, in first and second order, and finds what is wrong and where.
struct GradientCheckTests {
    /// Functions that are composed of primitives, each smooth around its point.
    private static let functions: [(String, @Sendable ([Tensor]) -> Tensor, [Shape])] = [
        ("softmax", { (softmax($0[0], axis: 0) * $0[0]).sum() }, [[3, 4]]),
        ("logSoftmax", { logSoftmax($0[0])[.all, 1].sum() }, [[3, 4]]),
        ("logSumExp", { $0[0].logSumExp(axis: 1).square().sum() }, [[3, 4]]),
        ("gelu", { gelu($0[0]).square().sum() }, [[6]]), ("silu", { silu($0[0]).square().sum() }, [[6]]),
        ("mish", { mish($0[0]).square().sum() }, [[6]]), ("softplus", { softplus($0[0]).square().sum() }, [[6]]),
        ("selu", { selu($0[0]).square().sum() }, [[6]]),
        ("standardDeviation", { $0[0].standardDeviation(axes: [1]).square().sum() }, [[3, 5]]),
        ("einsum", { einsum("bij,bjk,k->bi", $0).square().sum() }, [[2, 3, 4], [2, 4, 2], [2]]),
        ("diagonal", { einsum("ii->i", $0[0]).square().sum() + $0[0].trace() * $0[0].norm() }, [[3, 3]]),
        ("linear", { linear($0[0], $0[1], bias: $0[2]).tanh().sum() }, [[2, 3], [4, 3], [4]]),
        ("solve", { $0[0].solve($0[1]).square().sum() }, [[3, 3], [3, 2]]),
        ("reflect", { $0[0].padded(low: [1, 2], high: [2, 1], .reflect).square().sum() }, [[3, 4]]),
        ("edge", { ($0[0].padded(low: [1, 0], high: [2, 3], .edge) * 3).tanh().sum() }, [[3, 4]]),
        ("conv2d", { conv2d($0[0], $0[1], padding: .same).tanh().sum() }, [[1, 2, 4, 5], [2, 2, 3, 2]]),
        ("convTranspose1d", { convTranspose1d($0[0], $0[1], stride: 2).tanh().sum() }, [[1, 2, 4], [2, 3, 3]]),
        ("sorted", { ($0[0].sorted().values * Tensor.arange(5)).square().sum() }, [[5]]),
        ("subscript", { $0[0][.from(by: -2), [0, 2, 0]].square().sum() }, [[5, 3]]),
        ("roll", { ($0[0].roll(by: 1, axis: 0) * $0[0]).square().sum() }, [[5, 3]]),
        ("pow", { pow(2, $0[0]).sum() + $0[0].abs().pow(2.5).sum() }, [[4]]),
    ]

    @Test(arguments: functions.indices) func functionsAgreeWithCentralDifferencesInBothOrders(index: Int) {
        let (name, function, shapes) = GradientCheckTests.functions[index]
        let points = withGenerator(seed: UInt64(index)) {
            shapes.map { shape in
                let x = Tensor.randn(shape, dtype: .float64)
                return name == "solve" && shape == [3, 3] ? x + 3 * Tensor.eye(3, dtype: .float64) : x
            }
        }
        for order in 1...2 {
            let report = checkGradient(of: function, at: points, order: order)
            #expect(report.passed, "\(name), order \(order): \(report)")
        }
    }

    @Test func aWrongDerivativeIsFoundWhereItIs() {
        // Detached, one element's derivative is left out.
        let wrong = { (x: Tensor) in x[0..<2].square().sum() + x[2].detached().square() }
        let report = checkGradient(of: wrong, at: Tensor([1, 2, 3]))
        #expect(!report.passed)
        #expect(report.position == 2)
        #expect(report.derivative == 0)
        #expect((report.difference - 6).magnitude < 1e-6)
        #expect(report.description.hasPrefix("gradient check failed: argument 0, element 2"))
        let nan = checkGradient(of: { (x: Tensor) in (x - 1).sqrt().sum() }, at: Tensor([0, 4]))
        #expect(!nan.passed && nan.position == 0)
    }
}
