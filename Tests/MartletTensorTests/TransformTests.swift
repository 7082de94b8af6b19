import MartletTensor
import Testing

/// Functions to functions: gradients of one to four arguments, jvp, vjp, vmap, and how they compose.
struct TransformTests {
    @Test func gradientsComeForEachArgument() {
        let two = gradient(of: { (a: Tensor, b: Tensor) in (a * a * b).sum() })([1, 2], [3, 4])
        #expect(two.0.array() == [6, 16])
        #expect(two.1.array() == [1, 4])
        let three = valueAndGradient(of: { (a: Tensor, b: Tensor, c: [Tensor]) in (a * b + c[0] * c[1]).sum() })(
            [2], [3], [[4], [5]])
        #expect(three.value.item() == 26)
        #expect(three.gradient.0.array() == [3])
        #expect(three.gradient.1.array() == [2])
        #expect(three.gradient.2.map { $0.array() } == [[5], [4]])
        let four = gradient(of: { (a: Tensor, b: Tensor, c: Tensor, d: Tensor) in a * b * c * d })(
            Tensor(2), Tensor(3), Tensor(5), Tensor(7))
        #expect([four.0, four.1, four.2, four.3].map { $0.item() } == [105, 70, 42, 30])
    }

    @Test func forwardAndReverseModeAgree() {
        let f = { (a: Tensor, b: Tensor) in (matmul(a, b).tanh() * b).sum() }
        let (a, b) = (Tensor.randn([3, 3], dtype: .float64), Tensor.randn([3, 3], dtype: .float64))
        let (u, v) = (Tensor.randn([3, 3], dtype: .float64), Tensor.randn([3, 3], dtype: .float64))
        let forward = jvp(of: f, at: (a, b), along: (u, v)).tangent
        let (da, db) = vjp(of: f, at: (a, b)).pullback(Tensor(1))
        #expect(forward.isClose(to: (da * u).sum() + (db * v).sum(), relativeTolerance: 1e-12))
    }

    @Test func vmapOfSeveralArgumentsIsALoop() {
        let f = { (a: Tensor, b: Tensor, c: Tensor) in (matmul(a, b) + c).sum(axis: 0) }
        let (a, b, c) = (Tensor.randn([4, 2, 3]), Tensor.randn([4, 3, 2]), Tensor.randn([4, 2]))
        let loop = stacked((0..<4).map { f(a[$0], b[$0], c[$0]) })
        #expect(vmap(f)(a, b, c).isClose(to: loop))
        let g = { (a: Tensor, b: Tensor, c: Tensor, d: Tensor) in a * b - c * d }
        #expect(vmap(g)(a, a, a, a).array().allSatisfy { $0 == 0 })
        // An example's gradient, one each.
        let slopes = vmap(gradient(of: { (x: Tensor) in (x * x * x).sum() }))(c)
        #expect(slopes.isClose(to: 3 * c * c))
    }

    @Test func hessiansOfSeveralPointsAreOneTensor() {
        let f = { (x: Tensor) in (x.exp() * x.sum()).sum() }
        let points = Tensor.randn([3, 2], dtype: .float64)
        let all = vmap(hessian(of: f))(points)
        #expect(all.shape == [3, 2, 2])
        for index in 0..<3 {
            #expect(all[index].isClose(to: hessian(of: f, at: points[index]), relativeTolerance: 1e-12))
        }
        #expect(all.isClose(to: all.transpose(), relativeTolerance: 1e-12))
    }

    @Test func aPullbackIsDifferentiatedByItsCotangent() {
        let x: Tensor = [2, 3]
        let cube = { (t: Tensor) in t * t * t }
        let slope = gradient(of: { (v: Tensor) in vjp(of: cube, at: x).pullback(v).sum() }, at: Tensor([1, 1]))
        #expect(slope.array() == [12, 27])
        let matrix = jacobian(of: { (v: Tensor) in vjp(of: cube, at: x).pullback(v) }, at: Tensor([5, 7]))
        #expect(matrix.array() == [12, 0, 0, 27])
    }

    @Test func aPullbackTakesItsCotangentInTheValuesType() {
        let square = { (t: Tensor) in t * t }
        #expect(vjp(of: square, at: Tensor([0.5, 1.5])).pullback(Tensor([1, 1] as [Int])).array() == [1, 3])
        let exact = vjp(of: square, at: Tensor([1.0 / 3] as [Double])).pullback(Tensor([1]))
        #expect(exact.dtype == .float64 && exact.array(as: Double.self) == [2.0 / 3])
        let w = Tensor.eye(2, dtype: .float64)
        #expect(vjp(of: { (t: Tensor) in matmul(t, w) }, at: w).pullback(Tensor.ones([2, 2])).array() == [1, 1, 1, 1])
    }
}
