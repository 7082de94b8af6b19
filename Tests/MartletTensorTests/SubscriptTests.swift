import MartletTensor
import Testing

/// Subscripts against a plain model: every kind of index on every axis, in every combination.
struct SubscriptTests {
    /// Indices for an axis, as the user writes them and as the model knows them.
    private static func candidates(size: Int) -> [(index: any TensorIndex, model: ModelIndex)] {
        var all: [(any TensorIndex, ModelIndex)] = []
        for position in -size..<size { all.append((position, .position(position, size: size))) }
        let ends: [Int?] = [nil, -size - 2, -size, -2, -1, 0, 1, size - 1, size, size + 3]
        for step in [1, 2, 3, -1, -2, -5] {
            for from in ends {
                for to in ends {
                    let index = TensorSubscript.from(from, to: to, by: step)
                    all.append((index, .range(from, to, step, size: size)))
                }
            }
        }
        return all
    }

    private func tensor(_ model: ModelArray) -> Tensor { Tensor(model.numbers, shape: Shape(model.sizes)) }

    @Test(arguments: [1, 2, 5]) func everyRangeOfOneAxisReadsAndWritesAsTheModelDoes(size: Int) {
        let model = ModelArray(counting: [size])
        let x = tensor(model)
        for (index, own) in SubscriptTests.candidates(size: size) {
            let expected = model.elements([own])
            #expect(x[index].shape.sizes == expected.sizes && x[index].array() == expected.numbers, "\(index)")
            let new = expected.numbers.map { -1 - $0 }
            var changed = x
            changed[index] = Tensor(new, shape: Shape(expected.sizes))
            #expect(changed.array() == model.writing(new, [own]).numbers, "\(index)")
        }
        #expect(x.array() == model.numbers)
    }

    @Test func indicesOfSeveralAxesCombine() {
        let sizes = [3, 4, 2]
        let model = ModelArray(counting: sizes)
        let x = tensor(model)
        // A spread of each axis' candidates, combined in full.
        let choices = sizes.enumerated().map { axis, size in
            SubscriptTests.candidates(size: size).enumerated().filter { $0.offset % 37 == axis }.map(\.element)
        }
        for a in choices[0] {
            for b in choices[1] {
                for c in choices[2] {
                    let own = [a.model, b.model, c.model]
                    let expected = model.elements(own)
                    let part = x[a.index, b.index, c.index]
                    #expect(part.shape.sizes == expected.sizes && part.array() == expected.numbers)
                    var changed = x
                    changed[a.index, b.index, c.index] = -part
                    #expect(changed.array() == model.writing(expected.numbers.map { -$0 }, own).numbers)
                }
            }
        }
    }

    @Test func rangesOfSwiftAreIndices() {
        let x = Tensor.arange(6)
        #expect(x[1..<4].array() == [1, 2, 3])
        #expect(x[1...4].array() == [1, 2, 3, 4])
        #expect(x[4...].array() == [4, 5])
        #expect(x[..<2].array() == [0, 1])
        #expect(x[...2].array() == [0, 1, 2])
        #expect(x[(-3)...(-1)].array() == [3, 4, 5])
        #expect(x[...(-2)].array() == [0, 1, 2, 3, 4])
        #expect(x[4..<100].array() == [4, 5])
    }

    @Test func ellipsisStandsForTheAxesThatAreLeft() {
        let x = Tensor.arange(24).reshape([2, 3, 4])
        #expect(x[.ellipsis, 0].shape == [2, 3])
        #expect(x[1, .ellipsis].array() == x[1].array())
        #expect(x[0, .ellipsis, 1...2].shape == [3, 2])
        #expect(x[.ellipsis, 1, 2, 3].shape == [])
        #expect(x[1, 2, 3, .ellipsis].item() == 23)
        #expect(x[.ellipsis].shape == [2, 3, 4])
        #expect(x[.newAxis, .ellipsis, .newAxis].shape == [1, 2, 3, 4, 1])
        #expect(x[0, .newAxis, 1...].shape == [1, 2, 4])
    }

    @Test func assignmentBroadcastsAndConvertsAndChangesNoOtherTensor() {
        let x = Tensor.zeros([2, 3])
        var z = x
        z[0] = Tensor([1.5, 2.5, 3.5])
        z[.all, 2] = Tensor([[7], [8]]).reshape([2])
        #expect(z.array() == [1.5, 2.5, 7, 0, 0, 8])
        #expect(x.array() == [0, 0, 0, 0, 0, 0])
        var whole = Tensor.zeros([2, 3], dtype: .int32)
        whole[.all] = Tensor([1.9, -1.9, 2])
        #expect(whole.dtype == .int32)
        #expect(whole.array() == [1, -1, 2, 1, -1, 2])
        whole[1, 1] += 10
        #expect(whole.array() == [1, -1, 2, 1, 9, 2])
        whole[0..<1, 0..<1] = Tensor([[[5]]])
        #expect(whole.array() == [5, -1, 2, 1, 9, 2])
        whole[0..<0] = Tensor(3)
        #expect(whole.array() == [5, -1, 2, 1, 9, 2])
    }

    @Test func viewsTakenBeforeAnAssignmentKeepTheirNumbers() {
        var x = Tensor.arange(6).reshape([2, 3])
        let (row, column, copy) = (x[0], x[.all, 1], x)
        x[0] = Tensor([9, 9, 9])
        #expect(row.array() == [0, 1, 2])
        #expect(column.array() == [1, 4])
        #expect(copy.array() == [0, 1, 2, 3, 4, 5])
        #expect(x.array() == [9, 9, 9, 3, 4, 5])
    }

    @Test func gradientsFlowThroughReadingAndWriting() {
        let x = Tensor([1, 2, 3, 4]).requiringGradient()
        let y = Tensor([10, 20]).requiringGradient()
        var z = x * 2
        z[1..<3] = y * y
        (z[.from(by: -1)] * Tensor([1, 10, 100, 1000])).sum().backward()
        #expect(x.gradient?.array() == [2000, 0, 0, 2])
        #expect(y.gradient?.array() == [2000, 400])
    }
}
