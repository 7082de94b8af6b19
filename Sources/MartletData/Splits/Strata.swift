import MartletTensor

/// The members of each class, classes in the order of their first member.
struct Strata {
    /// The indices of each class's samples, ascending.
    private(set) var members: [[Int]] = []
    private var names: [String] = []
    private let operation: String

    /// Sorts samples by class; `names` are those of classes that are numbers from 0.
    init<Class: Hashable>(_ classes: [Class], count: Int, names: [String], operation: String) {
        guard classes.count == count else {
            stop("\(operation): \(classes.count) classes for \(count) samples; one a sample is needed")
        }
        self.operation = operation
        var places: [Class: Int] = [:]
        for (index, own) in classes.enumerated() {
            if let place = places[own] {
                members[place].append(index)
            } else {
                places[own] = members.count
                members.append([index])
                self.names.append(Self.name(of: own, names))
            }
        }
    }

    private static func name<Class>(of own: Class, _ names: [String]) -> String {
        guard let number = own as? Int, names.indices.contains(number) else { return "class \(own)" }
        return "class \(number) (\(names[number]))"
    }

    /// Throws where a class has fewer members than `needed`.
    func check(needed: Int) throws(SplitError) {
        guard let scarce = members.indices.first(where: { members[$0].count < needed }) else { return }
        throw SplitError(
            operation: operation, group: names[scarce], members: members[scarce].count, needed: needed)
    }

    /// Each class's members in a random order.
    func shuffled(_ random: inout RandomStream) -> [[Int]] {
        members.map { members in random.permutation(of: members.count).map { members[Int($0)] } }
    }
}

extension Dataset {
    /// Each sample's class, in the order of the samples; reads every sample once where labels do not lie in memory.
    ///
    /// - Throws: `DataError` with the index where a label is not one integer; what reading a sample throws.
    public func classLabels() throws -> [Int] {
        if let records = self as? any RecordDataset { return try records.storedClasses() }
        return try (0..<count).map { index in
            let label = try reading(index).label
            guard label.elementCount == 1, !label.dtype.isFloatingPoint else {
                throw DataError(
                    dataset: "\(Self.self)", field: "label", index: index, expected: "a class: one integer",
                    found: "\(label.dtype) of shape \(label.shape)")
            }
            return try label.checkedItem(as: Int.self)
        }
    }
}

extension RecordDataset {
    /// The stored classes of this set's samples.
    func storedClasses() throws(DataError) -> [Int] {
        guard records.classCount != nil else {
            throw DataError(
                dataset: "\(Self.self)", field: "labels", expected: "classes", found: "labels that are numbers")
        }
        let stored = records.classes
        return (0..<count).map { stored[position(of: $0)] }
    }
}
