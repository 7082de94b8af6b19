import Foundation
import MartletData

extension RandomStream {
    /// A number in [lower, upper), of 53 random bits.
    mutating func uniform(_ range: ClosedRange<Double>) -> Double {
        range.lowerBound + (range.upperBound - range.lowerBound) * unit53()
    }

    /// True with probability `p`.
    mutating func chance(_ p: Double) -> Bool { unit53() < p }

    /// 0..<count in a random order.
    mutating func order(of count: Int) -> [Int] { permutation(of: count).map { Int($0) } }

    /// A number of the gamma distribution of scale 1 (Marsaglia, Tsang 2000); `shape` is above 0.
    mutating func gamma(_ shape: Double) -> Double {
        guard shape >= 1 else { return gamma(shape + 1) * pow(1 - unit53(), 1 / shape) }
        let d = shape - 1 / 3
        let c = 1 / (9 * d).squareRoot()
        while true {
            let x = standardNormal()
            let v = (1 + c * x) * (1 + c * x) * (1 + c * x)
            guard v > 0 else { continue }
            if log(1 - unit53()) < 0.5 * x * x + d - d * v + d * log(v) { return d * v }
        }
    }

    /// A number of the beta distribution of two equal shapes.
    package mutating func beta(_ shape: Double) -> Double {
        let shares = dirichlet(shape, 2)
        return shares[0]
    }

    /// `count` shares of 1, of the Dirichlet distribution of equal shapes.
    package mutating func dirichlet(_ shape: Double, _ count: Int) -> [Double] {
        let numbers = (0..<count).map { _ in gamma(shape) }
        let total = numbers.reduce(0, +)
        // Small shapes underflow all at once: then one share is all, whichever.
        guard total > 0 else {
            let whole = below(count)
            return (0..<count).map { $0 == whole ? 1 : 0 }
        }
        return numbers.map { $0 / total }
    }
}
