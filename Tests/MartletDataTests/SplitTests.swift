import MartletData
import MartletTensor
import Testing

/// Samples whose label is a class, in runs: the first class has `sizes[0]` members, and so on.
private func classes(_ sizes: [Int]) throws -> TensorDataset {
    let labels = sizes.indices.flatMap { [Int](repeating: $0, count: sizes[$0]) }
    return try TensorDataset(
        Tensor.zeros([labels.count, 2]), Tensor(labels), classCount: sizes.count,
        classNames: sizes.indices.map { "c\($0)" })
}

private func counts(_ part: some Dataset) throws -> [Int] {
    let labels = try part.classLabels()
    return (0..<(part.classCount ?? 0)).map { own in labels.count { $0 == own } }
}

@Suite struct SplitTests {
    @Test func `Counts deal as many samples as they say, none twice`() {
        let parts = Numbered(count: 100).split(counts: [50, 0, 30], seed: 4)
        #expect(parts.map(\.count) == [50, 0, 30])
        #expect(Set(parts.flatMap(\.indices)).count == 80)
        #expect(Numbered(count: 100).split(counts: [50, 0, 30], seed: 4).map(\.indices) == parts.map(\.indices))
    }

    @Test func `A stratified split keeps each class's proportion and the parts' own`() throws {
        let data = try classes([50, 50, 50])
        let parts = try data.stratifiedSplit(train: 0.7, validation: 0.15, test: 0.15, seed: 1)
        #expect(try counts(parts.train) == [35, 35, 35])
        for part in [parts.validation, parts.test] {
            #expect(try counts(part).allSatisfy { (7...8).contains($0) })
            #expect((22...23).contains(part.count))
        }
        let all = parts.train.indices + parts.validation.indices + parts.test.indices
        #expect(all.sorted() == Array(0..<150))
        #expect(parts.train.indices != parts.train.indices.sorted())
        #expect(
            try data.stratifiedSplit(train: 0.7, validation: 0.15, test: 0.15, seed: 1).test.indices
                == parts.test.indices)
    }

    @Test func `A stratified split gives a rare class to every part, and leaves out what fractions leave`() throws {
        let parts = try classes([200, 3]).stratifiedSplit(train: 0.9, validation: 0.05, test: 0.05, seed: 2)
        for part in [parts.train, parts.validation, parts.test] { #expect(try counts(part)[1] == 1) }
        let half = try classes([40, 20]).stratifiedSplit(train: 0.25, test: 0.25, seed: 2)
        #expect(try counts(half.train) == [10, 5])
        #expect(try counts(half.test) == [10, 5])
    }

    @Test func `A class with fewer members than parts is an error with its name and numbers`() throws {
        let data = try classes([10, 2])
        let error = #expect(throws: SplitError.self) {
            try data.stratifiedSplit(train: 0.6, validation: 0.2, test: 0.2, seed: 0)
        }
        #expect(error == SplitError(operation: "stratifiedSplit", group: "class 1 (c1)", members: 2, needed: 3))
        #expect(error?.description == "stratifiedSplit: class 1 (c1) has 2 members, expected at least 3")
        let folds = #expect(throws: SplitError.self) { try data.stratifiedKFold(4, by: data.classLabels(), seed: 0) }
        #expect(folds?.members == 2)
        #expect(folds?.needed == 4)
    }

    @Test func `Labels that are no classes are an error`() {
        let data = TensorDataset(Tensor.zeros([4, 2]), Tensor([0.5, 1, 2, 3] as [Float]))
        #expect(throws: DataError.self) { try data.stratifiedSplit(train: 0.5, test: 0.5, seed: 0) }
        let computed = data.map { $0 }
        let error = #expect(throws: DataError.self) { try computed.stratifiedKFold(2, seed: 0) }
        #expect(error?.index == 0)
    }

    @Test func `No group is in two parts, and parts are as large as groups allow`() throws {
        let groups = (0..<300).map { "patient \($0 / 7)" }
        let data = Numbered(count: 300)
        let parts = try data.groupedSplit(train: 0.7, validation: 0.15, test: 0.15, by: groups, seed: 3)
        let sets = [parts.train, parts.validation, parts.test].map { part in Set(part.indices.map { groups[$0] }) }
        #expect(sets[0].isDisjoint(with: sets[1]) && sets[0].isDisjoint(with: sets[2]))
        #expect(sets[1].isDisjoint(with: sets[2]))
        #expect(sets.reduce(0) { $0 + $1.count } == Set(groups).count)
        #expect(abs(parts.train.count - 210) <= 7)
        #expect(abs(parts.test.count - 45) <= 7)
        let error = #expect(throws: SplitError.self) {
            try Numbered(count: 4).groupedSplit(
                train: 0.5, validation: 0.25, test: 0.25, by: [1, 1, 2, 2], seed: 0)
        }
        #expect(error?.members == 2)
        #expect(error?.needed == 3)
    }

    @Test(arguments: 0..<20) func `Every part of a grouped split has a group, however few there are`(seed: UInt64)
        throws
    {
        let parts = try Numbered(count: 30).groupedSplit(
            train: 0.9, validation: 0.05, test: 0.05, by: (0..<30).map { $0 / 10 }, seed: seed)
        #expect([parts.train.count, parts.validation.count, parts.test.count] == [10, 10, 10])
    }

    @Test func `An ordered split trains on the past`() {
        let data = Numbered(count: 10)
        let parts = data.orderedSplit(train: 0.6, validation: 0.2, test: 0.2)
        #expect(
            [parts.train.indices, parts.validation.indices, parts.test.indices] == [
                [0, 1, 2, 3, 4, 5], [6, 7], [8, 9],
            ])
        let times = [5, 3, 9, 1, 1, 7, 0, 8, 2, 6]
        let timed = data.orderedSplit(train: 0.6, validation: 0.2, test: 0.2, by: times)
        #expect(timed.train.indices == [6, 3, 4, 8, 1, 0])
        #expect(timed.test.indices == [7, 2])
    }

    @Test func `Every sample is in the validation part of one fold`() {
        let folds = Numbered(count: 23).kFold(5, seed: 8)
        #expect(folds.map(\.validation.count) == [5, 5, 5, 4, 4])
        #expect(folds.flatMap(\.validation.indices).sorted() == Array(0..<23))
        for fold in folds {
            #expect((fold.train.indices + fold.validation.indices).sorted() == Array(0..<23))
        }
        #expect(folds.map(\.validation.indices) == Numbered(count: 23).kFold(5, seed: 8).map(\.validation.indices))
        #expect(folds.map(\.validation.indices) != Numbered(count: 23).kFold(5, seed: 9).map(\.validation.indices))
    }

    @Test func `Stratified folds hold each class equally, to within one`() throws {
        let folds = try classes([50, 31, 12]).stratifiedKFold(5, seed: 0)
        #expect(folds.flatMap(\.validation.indices).sorted() == Array(0..<93))
        for fold in folds {
            let counts = try counts(fold.validation)
            #expect(counts[0] == 10)
            #expect((6...7).contains(counts[1]))
            #expect((2...3).contains(counts[2]))
            #expect((18...19).contains(fold.validation.count))
        }
        let read = try classes([50, 31, 12]).map { $0 }.stratifiedKFold(5, seed: 0)
        #expect(read.map(\.validation.indices) == folds.map(\.validation.indices))
    }

    @Test func `Group folds keep groups whole and balance them`() throws {
        let groups = [0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 4, 4, 5, 5]
        let folds = try Numbered(count: 18).groupKFold(3, by: groups, seed: 1)
        // The largest group alone, then the others to whichever fold has fewest: 6, 3 + 2 + 2, 3 + 2.
        #expect(folds.map(\.validation.count).sorted() == [5, 6, 7])
        for fold in folds {
            let own = Set(fold.validation.indices.map { groups[$0] })
            #expect(own.isDisjoint(with: Set(fold.train.indices.map { groups[$0] })))
        }
        #expect(throws: SplitError.self) { try Numbered(count: 18).groupKFold(7, by: groups, seed: 1) }
    }
}
