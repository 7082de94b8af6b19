import MartletGraph
import MartletRuntime
import MartletTensor
import Testing

/// What is recorded and thrown away unread.
struct UnreadNodesTests {
    @Test func aReadDropsPendingNodesThatNobodyRefersTo() {
        // A recording of this test's own: threads are shared with other tests.
        Recording.with(Recording()) {
            let a: Tensor = [0.5]
            let b: Tensor = [0.25]
            let kept = a * 3
            for _ in 0..<500 { _ = (a + b).exp() }
            #expect((a - b).item() == 0.25)
            // What a variable holds is still pending, with the number it stands on, and nothing else.
            #expect(Recording.current.nodes.count == 3)
            #expect(kept.item() == 1.5)
        }
    }

    @Test func aValueThatOnlyAClosureNamesOutlivesReadsOfOthers() {
        let slopes = gradient(of: { (x: Tensor, y: Tensor) -> Tensor in
            // Reads what stands on x alone, while y's alias is pending and held by nothing but the transformation.
            let scale: Float = (x * 2).item()
            return x * y * scale
        })([3.0], [4.0])
        #expect(slopes.0.item() == 24)
        #expect(slopes.1.item() == 18)
    }
}
