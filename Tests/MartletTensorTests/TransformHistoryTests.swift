import MartletTensor
import Testing

/// What transformations leave attached to an outer one, and what they repeat for it.
struct TransformHistoryTests {
    @Test func aValueIsDifferentiatedByWhatTheClosureCaptured() {
        let outer = gradient(of: { (w: Tensor) -> Tensor in
            let (value, slope) = valueAndGradient(of: { (x: Tensor) -> Tensor in (w * x * x).sum() })(Tensor([3]))
            return value + slope.sum()
        })
        #expect(outer(Tensor([2])).array() == [15])
    }

    @Test func aValueReachesACapturedLeafAndIsCutOffWhereThereIsNone() {
        let leaf = Tensor([2]).requiringGradient()
        let byBoth = valueAndGradient(of: { (x: Tensor) -> Tensor in (leaf * x * x).sum() })
        byBoth(Tensor([3])).value.backward()
        #expect(leaf.gradient?.array() == [9])
        #expect(withoutGradient { byBoth(Tensor([3])).value }.requiresGradient == false)
        let byOne = valueAndGradient(of: { (x: Tensor) -> Tensor in (x * x).sum() })
        #expect(byOne(Tensor([3])).value.requiresGradient == false)
    }

    @Test(arguments: [false, true])
    func aJacobianRepeatsTheRandomNumbersOfACheckpoint(isRead: Bool) {
        func rows(_ wraps: Bool) -> [Double] {
            withGenerator(seed: 11) {
                let formula = { (x: Tensor) -> Tensor in (x * Tensor.rand([3], dtype: .float64)).square() }
                let function = { (x: Tensor) -> Tensor in
                    let y = wraps ? checkpoint { formula(x) } : formula(x)
                    if isRead { _ = y.array() }
                    return y
                }
                return jacobian(of: function, at: Tensor.ones([3], dtype: .float64)).array(as: Double.self)
            }
        }
        let (found, expected) = (rows(true), rows(false))
        #expect(found == expected)
        #expect(expected[0] != 0 && expected[4] != 0 && expected[8] != 0)
    }

    @Test func aJacobianForEachMemberOfABatchRepeatsThatMembersNumbers() {
        func all(_ wraps: Bool) -> [Double] {
            withGenerator(seed: 12) {
                let formula = { (x: Tensor) -> Tensor in (x * Tensor.rand([3], dtype: .float64)).square() }
                let function = { (x: Tensor) -> Tensor in wraps ? checkpoint { formula(x) } : formula(x) }
                let points = Tensor.ones([2, 3], dtype: .float64)
                return vmap { (x: Tensor) -> Tensor in jacobian(of: function, at: x) }(points).array(as: Double.self)
            }
        }
        let (found, expected) = (all(true), all(false))
        #expect(found == expected)
        #expect(expected[0] != expected[9])
    }
}
