/// One column of a table: its name, its kind and its cells.
public struct TableColumn: Sendable, Hashable {
    /// What a column's cells are.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// Whole numbers, none beyond ±2⁵³.
        case integer
        /// Numbers.
        case number
        /// Text.
        case text
    }

    enum Cells: Sendable, Hashable {
        /// NaN where nothing stood.
        case numbers([Double])
        /// nil where nothing stood.
        case texts([String?])
    }

    /// The name.
    public let name: String
    /// What the cells are.
    public let kind: Kind
    /// How many cells are missing.
    public let missingCount: Int
    let cells: Cells

    /// A column of numbers, which are integers where all are whole.
    init(name: String, _ numbers: [Double]) {
        let isWhole = numbers.allSatisfy { $0.isNaN || ($0.rounded() == $0 && abs($0) <= 0x1p53) }
        self.init(name: name, numbers, kind: isWhole ? .integer : .number)
    }

    init(name: String, _ numbers: [Double], kind: Kind) {
        self.name = name
        self.kind = kind
        missingCount = numbers.count { $0.isNaN }
        cells = .numbers(numbers)
    }

    /// A column of text.
    init(name: String, _ texts: [String?]) {
        self.name = name
        kind = .text
        missingCount = texts.count { $0 == nil }
        cells = .texts(texts)
    }

    /// How many cells there are, missing ones too.
    public var count: Int {
        switch cells {
        case .numbers(let numbers): numbers.count
        case .texts(let texts): texts.count
        }
    }

    /// The cells as numbers, NaN where one is missing; nil where the column is text.
    public var numbers: [Double]? {
        guard case .numbers(let numbers) = cells else { return nil }
        return numbers
    }

    /// The cells as text, nil where one is missing; whole numbers without a point.
    public var texts: [String?] {
        switch cells {
        case .numbers(let numbers): numbers.map { $0.isNaN ? nil : text(of: $0) }
        case .texts(let texts): texts
        }
    }

    /// True where the column is text for the sake of a few cells: of those that are not missing most are numbers, but not all.
    package var isMostlyNumbers: Bool {
        guard case .texts(let texts) = cells else { return false }
        let found = texts.compactMap { $0 }
        let count = found.count(where: isNumber)
        return count < found.count && count * 2 > found.count
    }

    /// True where nothing stood in a row's cell.
    public func isMissing(at row: Int) -> Bool {
        switch cells {
        case .numbers(let numbers): numbers[row].isNaN
        case .texts(let texts): texts[row] == nil
        }
    }

    /// The values that occur, each once, in their order: that of numbers, or of Unicode's scalars for text.
    public var categories: [String] {
        switch cells {
        case .numbers(let numbers): Set(numbers.filter { !$0.isNaN }).sorted().map(text(of:))
        case .texts(let texts):
            Set(texts.compactMap { $0 }).sorted { $0.unicodeScalars.lexicographicallyPrecedes($1.unicodeScalars) }
        }
    }

    /// The cells of some rows, in that order.
    func picking(_ rows: [Int]) -> TableColumn {
        switch cells {
        case .numbers(let numbers): TableColumn(name: name, rows.map { numbers[$0] }, kind: kind)
        case .texts(let texts): TableColumn(name: name, rows.map { texts[$0] })
        }
    }
}

/// Whether a cell reads as a number.
func isNumber(_ cell: String) -> Bool {
    Array(cell.trimmingSpaces.utf8).withUnsafeBufferPointer { DecimalNumber.whole($0) } != nil
}

/// A number as a reader would write it.
func text(of number: Double) -> String {
    Int(exactly: number).map { abs($0) <= 1 << 53 ? "\($0)" : "\(number)" } ?? "\(number)"
}

/// What names a column: its name, or its place from 0.
public protocol ColumnSelector: Sendable {
    /// The column's place among columns of these names; nil where there is none.
    func place(among names: [String]) -> Int?
}

extension String: ColumnSelector {
    /// The place of this name.
    public func place(among names: [String]) -> Int? { names.firstIndex(of: self) }
}

extension Int: ColumnSelector {
    /// The place itself, where there is one.
    public func place(among names: [String]) -> Int? { names.indices.contains(self) ? self : nil }
}
