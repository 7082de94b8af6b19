/// A plain Swift model of subscripts: an array of numbers with a shape, indexed element by element.
struct ModelArray: Equatable {
    var sizes: [Int]
    var numbers: [Float]

    /// 0, 1, 2, ... in row-major order.
    init(counting sizes: [Int]) {
        self.sizes = sizes
        numbers = (0..<sizes.reduce(1, *)).map(Float.init)
    }

    init(sizes: [Int], numbers: [Float]) {
        self.sizes = sizes
        self.numbers = numbers
    }

    /// The row-major place of an element.
    func place(_ position: [Int]) -> Int { zip(sizes, position).reduce(0) { $0 * $1.0 + $1.1 } }

    /// Every position of a shape, in row-major order.
    static func positions(of sizes: [Int]) -> [[Int]] {
        sizes.reduce([[]]) { partial, size in partial.flatMap { head in (0..<size).map { head + [$0] } } }
    }
}

/// An index as the model knows it: the positions it names along its axis, and whether the axis stays.
struct ModelIndex {
    let positions: [Int]
    let keepsAxis: Bool

    static func position(_ given: Int, size: Int) -> ModelIndex {
        ModelIndex(positions: [given < 0 ? given + size : given], keepsAxis: false)
    }

    /// Python's slice of a list of positions, walked one step at a time.
    static func range(_ from: Int?, _ to: Int?, _ step: Int, size: Int) -> ModelIndex {
        func counted(_ position: Int) -> Int { position < 0 ? position + size : position }
        var positions: [Int] = []
        if step > 0 {
            var next = max(0, from.map(counted) ?? 0)
            let end = min(size, to.map(counted) ?? size)
            while next < end {
                positions.append(next)
                next += step
            }
        } else {
            var next = min(size - 1, from.map(counted) ?? size - 1)
            let end = max(-1, to.map(counted) ?? -1)
            while next > end {
                positions.append(next)
                next += step
            }
        }
        return ModelIndex(positions: positions, keepsAxis: true)
    }
}

extension ModelArray {
    /// The elements that one index an axis names.
    func elements(_ indices: [ModelIndex]) -> ModelArray {
        let chosen = ModelArray.positions(of: indices.map(\.positions.count))
        return ModelArray(
            sizes: indices.filter(\.keepsAxis).map(\.positions.count),
            numbers: chosen.map { choice in numbers[place(zip(indices, choice).map { $0.positions[$1] })] })
    }

    /// With numbers written at the elements that one index an axis names, in row-major order.
    func writing(_ new: [Float], _ indices: [ModelIndex]) -> ModelArray {
        var result = self
        for (choice, number) in zip(ModelArray.positions(of: indices.map(\.positions.count)), new) {
            result.numbers[place(zip(indices, choice).map { $0.positions[$1] })] = number
        }
        return result
    }
}
