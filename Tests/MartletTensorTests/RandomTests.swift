import MartletTensor
import Testing

/// Random tensors stay in their ranges and fill them.
@Suite struct RandomTests {
    @Test func wholeNumbersOfWideRangesReachAllOfThem() {
        let wide = Tensor.randint(0, 1 << 40, [4096])
        #expect(wide.max().item(as: Int.self) > 1 << 39)
        #expect(wide.min().item(as: Int.self) >= 0 && wide.max().item(as: Int.self) < 1 << 40)
        let die = Tensor.randint(-3, 3, [60_000])
        for value in -3..<3 {
            let count = (die .== value).sum().item(as: Int.self)
            #expect((9_400...10_600).contains(count), "\(value): \(count)")
        }
    }

    @Test(arguments: [DataType.float32, .float64, .float16, .bfloat16])
    func unitNumbersNeverReachOne(dtype: DataType) {
        let numbers = Tensor.rand([100_000], dtype: dtype)
        #expect(numbers.max().item(as: Double.self) < 1)
        #expect(numbers.min().item(as: Double.self) >= 0)
        #expect(abs(numbers.to(dtype: .float64).mean().item(as: Double.self) - 0.5) < 0.01)
    }

    @Test func uniformNumbersLeaveTheUpperEndOut() {
        // Close to a power of two every second number would round up to the end.
        let numbers = Tensor.uniform([200_000], low: 16_777_214, high: 16_777_216)
        #expect(numbers.max().item() < 16_777_216)
        #expect(numbers.min().item() >= 16_777_214)
    }

    @Test func childTasksThatSayTheirIndexDrawTheSameInAnyOrder() async {
        func draws(delaying late: Int) async -> [[Float]] {
            await withGenerator(seed: 5) {
                await withTaskGroup(of: (Int, [Float]).self) { group in
                    for index in 0..<6 {
                        group.addTask {
                            if index == late { try? await Task.sleep(nanoseconds: 3_000_000) }
                            return (index, withGenerator(splitFor: index) { Tensor.rand([4]).array() })
                        }
                    }
                    return await group.reduce(into: Array(repeating: [], count: 6)) { $0[$1.0] = $1.1 }
                }
            }
        }
        let first = await draws(delaying: 0)
        #expect(await draws(delaying: 5) == first)
        #expect(Set(first).count == 6)
        let parent = withGenerator(seed: 5) { Tensor.rand([4]).array() }
        #expect(!first.contains(parent))
    }
}
