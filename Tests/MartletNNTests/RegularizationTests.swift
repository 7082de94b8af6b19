import MartletGraph
import MartletNN
import MartletTensor
import Testing

/// What random layers draw, and that they do nothing in evaluation.
struct RegularizationTests {
    @Test(arguments: [1, 2, 3])
    func `Channels are dropped as a whole, and the others scaled`(axes: Int) {
        let layers: [any Layer] = [Dropout1d(0.25), Dropout2d(0.25), Dropout3d(0.25)]
        let x = Tensor.ones(Shape([50, 40] + Array(repeating: 3, count: axes)))
        let y = withGenerator(seed: 5) { layers[axes - 1](x) }.flattened(from: 2)
        #expect((y.max(axis: 2) .== y.min(axis: 2)).all().item(as: Bool.self))
        let share = (y.max(axis: 2) .== 0).to(dtype: .float32).mean().item()
        #expect(abs(share - 0.25) < 0.03)
        #expect(abs(y.max().item() - 4.0 / 3) < 1e-6)
        layers[axes - 1].eval()
        #expect(layers[axes - 1](x).array() == x.array())
    }

    @Test func `Paths are dropped by example or by batch`() {
        let x = Tensor.ones([400, 3, 2])
        let rows = withGenerator(seed: 6) { DropPath(0.25)(x) }.flattened(from: 1)
        #expect((rows.max(axis: 1) .== rows.min(axis: 1)).all().item(as: Bool.self))
        #expect(abs((rows.max(axis: 1) .== 0).to(dtype: .float32).mean().item() - 0.25) < 0.07)
        let batch = DropPath(0.5, .batch)
        let outcomes = withGenerator(seed: 7) { (0..<40).map { _ in Set(batch(x).array()) } }
        #expect(Set(outcomes) == [[0], [2]])
        batch.eval()
        #expect(batch(x).array() == x.array())
    }

    @Test func `Alpha dropout keeps mean and variance`() {
        let x = withGenerator(seed: 8) { Tensor.randn([400, 500]) }
        let y = withGenerator(seed: 9) { AlphaDropout(0.3)(x) }
        #expect(abs(y.mean().item()) < 0.01)
        #expect(abs(y.variance().item() - 1) < 0.01)
        // a·α' + b with p = 0.3.
        let dropped = (y + 1.059548).abs() .< 1e-5
        #expect(abs(dropped.to(dtype: .float32).mean().item() - 0.3) < 0.01)
    }

    @Test func `Random slopes lie in their range, one for each element`() {
        let layer = RReLU(lower: 0.1, upper: 0.4)
        let slopes = withGenerator(seed: 10) { layer(Tensor.full([200, 50], -1)) } * -1
        #expect(slopes.min().item() >= 0.1 && slopes.max().item() < 0.4)
        #expect(abs(slopes.mean().item() - 0.25) < 0.005)
        #expect(Set(slopes.array()).count > 9000)
    }

    @Test func `A layer's dropout works between recurrent layers alone`() {
        let one = LSTM(3, 4, dropout: 0.5)
        let x = Tensor.randn([4, 2, 3])
        #expect(one(x).array() == one(x).array())
        let two = LSTM(3, 4, layers: 2, dropout: 0.5)
        #expect(two(x).array() != two(x).array())
        two.eval()
        #expect(two(x).array() == two(x).array())
    }

    @Test("Where everything is dropped the gradient is 0")
    func allDropped() {
        let x = Tensor.ones([3])
        #expect(dropout(x, probability: 1).array() == [0, 0, 0])
        #expect(gradient(of: { (x: Tensor) in dropout(x, probability: 1).sum() }, at: x).array() == [0, 0, 0])
    }
}
