import MartletTensor
import Testing

/// Programmers' mistakes stop where they are written, with the operation, the shapes and a hint.
struct ErrorTests {
    private func stops(
        with text: String, _ result: ExitTest.Result?, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let written = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(written.contains(text), "\(written)", sourceLocation: sourceLocation)
    }

    @Test func shapesThatDoNotFitAreNamed() async {
        stops(
            with: "add([2, 3], [4]): shapes do not broadcast: axis -1 has sizes 3 and 4",
            await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                _ = Tensor.zeros([2, 3]) + Tensor.zeros([4])
            })
        stops(
            with: "matmul([2, 3], [4, 2]): 3 columns on the left do not meet 4 rows on the right",
            await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                _ = matmul(Tensor.zeros([2, 3]), Tensor.zeros([4, 2]))
            })
        stops(
            with: "conv2d([1, 3, 8, 8], [4, 3, 3]): the weight needs 4 axes",
            await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                _ = conv2d(Tensor.zeros([1, 3, 8, 8]), Tensor.zeros([4, 3, 3]))
            })
        stops(
            with: "a tensor literal's rows differ",
            await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                _ = Tensor([[1, 2], [3]])
            })
    }

    @Test func axesAndPositionsOutsideAreNamed() async {
        stops(
            with: "sum([2, 3]): axis 2 is out of range for shape [2, 3]",
            await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                _ = Tensor.zeros([2, 3]).sum(axis: 2)
            })
        stops(
            with: "subscript: position 2 is out of range for axis 0 of shape [2, 3]",
            await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                _ = Tensor.zeros([2, 3])[2]
            })
        stops(
            with: "subscript: 3 axes are indexed, the shape [2, 3] has 2",
            await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                _ = Tensor.zeros([2, 3])[0, 0, 0]
            })
        stops(
            with: "positions are integers or truth values, not float32; use .to(dtype: .int64)",
            await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                _ = Tensor.zeros([2, 3])[Tensor([0, 1])]
            })
        stops(
            with: "index 5 is out of range for an axis of size 2",
            await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                _ = Tensor.zeros([2, 3])[[0, 5]].array()
            })
        stops(
            with: "subscript assignment([3], [2]): shapes do not broadcast: axis -1 has sizes 3 and 2",
            await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                var x = Tensor.zeros([2, 3])
                x[.all, 0] = Tensor([1, 2, 3])
            })
    }

    @Test func readingAndWritingUnderTransformationsSaysHow() async {
        stops(
            with: "vmap",
            await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                _ = vmap { (x: Tensor) in x.item() > 0 ? x : -x }(Tensor([1, 2]))
            })
        stops(
            with: "return the new value and write it outside",
            await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                let slot = StateSlot(Tensor([1, 2]))
                _ = vmap { (x: Tensor) -> Tensor in
                    slot.tensor = x
                    return x
                }(Tensor([1, 2]))
            })
        stops(
            with: "pass retainGraph: true to the first one",
            await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                let x = Tensor([1, 2]).requiringGradient()
                let y = (x * x).sum()
                y.backward()
                y.backward()
            })
        stops(
            with: "item(): needs exactly one element, the shape is [2]",
            await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                _ = Tensor([1, 2]).item()
            })
        stops(
            with: "use item(as: Int.self)",
            await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                _ = Tensor(16_777_217 as Int).item()
            })
    }
}
