import MartletGraph
import MartletRuntime
import MartletTensor
import Testing

/// Views: other shapes of the same elements, which copy nothing.
struct ViewTests {
    /// True where a tensor lies in the memory of another one.
    private func shares(_ view: Tensor, with source: Tensor) throws -> Bool {
        try Flush.run(source.value)
        try Flush.run(view.value)
        let own = try #require(view.value.node.realized(view.value.index))
        let base = try #require(source.value.node.realized(source.value.index))
        return own.buffer === base.buffer
    }

    @Test func whatStridesCanSayCopiesNothing() throws {
        let x = Tensor((0..<24).map(Float.init), shape: [2, 3, 4])
        let views: [(String, Tensor, [Float])] = [
            ("reshape", x.reshape([6, -1]), x.array()),
            ("flattened", x.flattened(from: 1), x.array()),
            ("transpose", x.transpose()[1, 0], [12, 16, 20]),
            ("transpose(0, 2)", x.transpose(0, 2)[3, 2], [11, 23]),
            ("permute", x.permute([2, 0, 1])[1], [1, 5, 9, 13, 17, 21]),
            ("movingAxis", x.movingAxis(0, to: -1)[0], [0, 12, 1, 13, 2, 14, 3, 15]),
            ("slice", x[1, 1..., .from(to: 4, by: 2)], [16, 18, 20, 22]),
            ("reversed", x[0, 0, .from(by: -1)], [3, 2, 1, 0]),
            ("flip", x.flip(axes: [0, 2])[0, 0], [15, 14, 13, 12]),
            ("expand", x[0, 0].expand([2, 4]), [0, 1, 2, 3, 0, 1, 2, 3]),
            ("unsqueeze", x.unsqueeze(axis: -1), x.array()),
            ("squeeze", x[0..<1].squeeze(axis: 0), Array(x.array()[..<12])),
            ("narrow", x.narrow(axis: -1, start: -2, count: 1), [2, 6, 10, 14, 18, 22]),
            ("split", x.split(1, axis: 1)[2], [8, 9, 10, 11, 20, 21, 22, 23]),
            ("chunked", x.chunked(2, axis: 2)[1][1, 2], [22, 23]),
            ("unstacked", x.unstacked(axis: 1)[1][0], [4, 5, 6, 7]),
        ]
        for (name, view, numbers) in views {
            #expect(try shares(view, with: x), "\(name) copies")
            #expect(view.array() == numbers, "\(name)")
        }
        // What no strides can say is copied.
        #expect(try !shares(x.transpose().reshape([24]), with: x))
        #expect(x.transpose(0, 1).reshape([24]).array()[..<8].elementsEqual([0, 1, 2, 3, 12, 13, 14, 15]))
    }

    @Test func whereASliceBeginsDoesNotPlanAgain() {
        // Other tests plan at the same time, so the fewest new plans of several tries count, each with a shape of its own.
        let made = (0..<5).map { attempt -> Int in
            let x = Tensor((0..<1000).map(Float.init), shape: [100, 10]).tiled([1, attempt + 1])
            func sum(_ start: Int) -> Float { (x[start..<(start + 7), start % 10] * 2).sum().item() }
            _ = sum(0)
            let before = PlanCache.shared.counts.made
            for start in 1..<60 {
                let expected = (start..<(start + 7)).reduce(Float(0)) { $0 + 2 * Float($1 * 10 + start % 10) }
                #expect(sum(start) == expected)
            }
            return PlanCache.shared.counts.made - before
        }
        #expect((made.min() ?? 59) < 30, "\(made) plans for 59 starts")
    }

    @Test func shapesAreWhatTheirNamesSay() {
        let x = Tensor.zeros([2, 1, 3])
        #expect(x.squeeze().shape == [2, 3])
        #expect(x.squeeze(axis: 1).shape == [2, 3])
        #expect(x.unsqueeze(axis: 0).shape == [1, 2, 1, 3])
        #expect(x.unsqueeze(axis: -2).shape == [2, 1, 1, 3])
        #expect(x.expand([4, -1, 5, 3]).shape == [4, 2, 5, 3])
        #expect(x.tiled([2, 1, 1, 3]).shape == [2, 2, 1, 9])
        #expect(Tensor.zeros([10]).split(4).map(\.shape) == [[4], [4], [2]])
        #expect(Tensor.zeros([10]).chunked(4).map(\.shape) == [[3], [3], [3], [1]])
        #expect(Tensor.zeros([10]).split(sizes: [1, 0, 9]).map(\.shape) == [[1], [0], [9]])
        #expect(Tensor([1, 2]).tiled([3]).array() == [1, 2, 1, 2, 1, 2])
        #expect(Tensor([[1, 2], [3, 4]]).tiled([1, 2]).array() == [1, 2, 1, 2, 3, 4, 3, 4])
        #expect(concatenated([Tensor([1] as [Int]), Tensor([2.5])]).dtype == .float32)
        #expect(stacked([Tensor([1, 2]), Tensor([3, 4])], axis: -1).array() == [1, 3, 2, 4])
        #expect(Tensor.arange(5).roll(by: 7, axis: 0).array() == [3, 4, 0, 1, 2])
    }

    @Test("What a kept view shows is not computed again by the view that undoes it, nor missed where it was given up")
    func undoing() {
        let x = Tensor((0..<32).map(Float.init), shape: [8, 4]).requiringGradient()
        let c = Tensor.ones([8, 4])
        // Nobody holds the sum, nor the product under it.
        let y = (x + c * 2).transpose()
        #expect(y.sum().item() == 560)
        #expect((y.transpose() * 1.5).sum().item() == 840)
        #expect(y.transpose().array() == (0..<32).map { Float($0) + 2 })
        let gradient = gradient(of: { (x: Tensor) in
            let y = (x + c * 2).transpose()
            _ = y.sum().item()
            return (y.transpose() * x).sum()
        })
        #expect(gradient(x).array() == (0..<32).map { 2 * Float($0) + 2 })
    }
}
