import MartletTensor
import Testing

/// Subscripts with tensors of positions and of truth values.
struct PickingTests {
    private let x = Tensor.arange(24).reshape([2, 3, 4])

    @Test func positionsTakeThePlaceOfTheirAxis() {
        let picked = x[.all, [2, 0, -1, 2]]
        #expect(picked.shape == [2, 4, 4])
        for (place, position) in [2, 0, 2, 2].enumerated() {
            #expect(picked[.all, place].array() == x[.all, position].array())
        }
        let table = x[.all, .all, Tensor([3, 0, 1, 2] as [Int32], shape: [2, 2])]
        #expect(table.shape == [2, 3, 2, 2])
        #expect(table[1, 2].array() == [23, 20, 21, 22])
        #expect(x[Tensor(1 as Int)].array() == x[1].array())
        #expect(x[[Int]()].shape == [0, 3, 4])
    }

    @Test func severalTensorsPickTogetherAndBroadcast() {
        // Neighbours: what is picked stands where the first of them stands.
        let pairs = x[.all, [0, 2], [1, -1]]
        #expect(pairs.shape == [2, 2])
        #expect(pairs.array() == [1, 11, 13, 23])
        let grid = x[1, Tensor([0, 2], shape: [2, 1]), [0, 3]]
        #expect(grid.shape == [2, 2])
        #expect(grid.array() == [12, 15, 20, 23])
        // Apart: in front.
        let apart = x[[0, 1, 1], .all, [0, 1, 2]]
        #expect(apart.shape == [3, 3])
        #expect(apart.array() == [0, 4, 8, 13, 17, 21, 14, 18, 22])
    }

    @Test func assignmentToPositionsWritesThemInOrder() {
        var z = x
        z[.all, [2, 0]] = Tensor([[-1, -2, -3, -4], [-5, -6, -7, -8]])
        #expect(z[0].array() == [-5, -6, -7, -8, 4, 5, 6, 7, -1, -2, -3, -4])
        #expect(z[1, 1].array() == x[1, 1].array())
        z = x
        z[[0, 1], 1..., [0, 3]] = Tensor(100)
        #expect(z.array().enumerated().filter { $0.element == 100 }.map(\.offset) == [4, 8, 19, 23])
        z = x
        z[0, 0, [1, 1, 1]] = Tensor([7, 8, 9])
        #expect(z[0, 0].array() == [0, 9, 2, 3])
        #expect(x.array() == Tensor.arange(24).array())
    }

    @Test func masksPickWhereTheyAreTrueInOrder() {
        let mask = x % 5 .== 0
        #expect(x[mask].array() == [0, 5, 10, 15, 20])
        let rows = Tensor([true, false, true])
        #expect(x[.all, rows].shape == [2, 2, 4])
        #expect(x[1, rows].array() == [12, 13, 14, 15, 20, 21, 22, 23])
        #expect(x[x .> 100].shape == [0])
        #expect(x[x .>= 0].array() == x.array())
        #expect(x[x[.ellipsis, 0] .>= 8].array() == [8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23])
    }

    @Test func assignmentToMasksTakesOneValueOrOneForEach() {
        var z = x
        z[x .> 20] = Tensor(-1)
        #expect(z.array()[20...].elementsEqual([20, -1, -1, -1]))
        z[z .< 0] = Tensor([1, 2, 3])
        #expect(z.array()[20...].elementsEqual([20, 1, 2, 3]))
        z = x
        z[.all, Tensor([false, true, false])] = Tensor([5, 6, 7, 8])
        #expect(z[.all, 1].array() == [5, 6, 7, 8, 5, 6, 7, 8])
        #expect(z[.all, 0].array() == x[.all, 0].array())
        z[Tensor([true, false]), 0] = Tensor([0, 0, 0, 99])
        #expect(z[0, 0].array() == [0, 0, 0, 99])
    }

    @Test func gradientsOfPickedElementsAddUpWhereTheyWerePickedTwice() {
        let x = Tensor([1, 2, 3]).requiringGradient()
        (x[[0, 2, 2]] * Tensor([1, 10, 100])).sum().backward()
        #expect(x.gradient?.array() == [1, 0, 110])
        x.gradient = nil
        x[x .> 1.5].square().sum().backward()
        #expect(x.gradient?.array() == [0, 4, 6])
    }

    @Test func nonzeroGivesAPositionForEachAxis() {
        let flags = Tensor([0, 3, 0, 4, 5, 0], shape: [2, 3])
        #expect(flags.nonzero().shape == [3, 2])
        #expect(flags.nonzero().array() == [0, 1, 1, 0, 1, 1])
        #expect(Tensor.zeros([2, 2]).nonzero().shape == [0, 2])
        #expect(Tensor(4).nonzero().shape == [1, 0])
    }
}
