/// What the folds of cross-validation gave: each fold's figures, and their mean and deviation.
public struct FoldSummary: Codable, Equatable, Sendable {
    /// A figure of a network on test data.
    public struct Figure: Codable, Equatable, Sendable {
        /// The name: `test_loss`, `test_accuracy`, or a metric's.
        public let name: String
        /// The value.
        public let value: Double

        /// A figure.
        public init(name: String, value: Double) { (self.name, self.value) = (name, value) }

        /// From saved form, where a value that is no number is `null`.
        public init(from decoder: any Decoder) throws {
            let fields = try decoder.container(keyedBy: CodingKeys.self)
            name = try fields.decode(String.self, forKey: .name)
            value = try fields.decodeIfPresent(Double.self, forKey: .value) ?? .nan
        }

        private enum CodingKeys: String, CodingKey { case name, value }
    }

    /// A figure over all folds.
    public struct Total: Codable, Equatable, Sendable {
        /// The figure's name.
        public let name: String
        /// Σ x / k.
        public let mean: Double
        /// The deviation of a sample: √(Σ (x - mean)² / (k - 1)).
        public let deviation: Double
    }

    /// Each fold's figures, from the first fold on.
    public let folds: [[Figure]]
    /// Each figure over all folds.
    public let totals: [Total]

    /// The summary of each fold's figures; a figure that a fold lacks is left out.
    public init(_ folds: [[Figure]]) {
        self.folds = folds
        totals = (folds.first ?? []).compactMap { figure in
            let values = folds.compactMap { fold in fold.first { $0.name == figure.name }?.value }
            guard values.count == folds.count else { return nil }
            let mean = values.reduce(0, +) / Double(values.count)
            let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
            let deviation = values.count > 1 ? (squares / Double(values.count - 1)).squareRoot() : 0
            return Total(name: figure.name, mean: mean, deviation: deviation)
        }
    }
}

extension Recipe {
    /// True where a run of the recipe is one run for each fold.
    public var isOfAllFolds: Bool { split.folds != nil && split.fold == nil }

    /// The recipe of one fold, from 1 on.
    ///
    /// - Throws: `RecipeError` where there is no such fold.
    public func fold(_ number: Int) throws -> Recipe {
        try Recipe(effectiveText, file: file, overrides: ["split.fold=\(number)"])
    }
}
