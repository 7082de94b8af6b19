import MartletData
import MartletNN
import MartletTensor

/// What a trained network says of the rows of a table, in the units and names of the data it was trained on.
public struct TablePrediction: Sendable {
    /// A row's answer.
    public struct Row: Sendable {
        /// The row's line in the file, from 1.
        public let line: Int
        /// The class that is likeliest, or the number, as it is written in tables; nil where there is no answer.
        public let predicted: String?
        /// The probability of each class; empty where the target is a number.
        public let probabilities: [Double]
        /// Why there is no answer; nil where there is one.
        public let failure: Failure?

        init(line: Int, predicted: String, probabilities: [Double]) {
            (self.line, self.predicted, self.probabilities, failure) = (line, predicted, probabilities, nil)
        }

        init(line: Int, _ failure: Failure) {
            (self.line, predicted, probabilities, self.failure) = (line, nil, [], failure)
        }
    }

    /// Why a row has no answer.
    public enum Failure: Sendable, Hashable {
        /// A cell is missing that nothing stands in for.
        case missingCells
        /// What the network says of it is infinite or no number.
        case nonFiniteOutput
    }

    /// The column that is predicted.
    public let target: String
    /// The classes in the order of the probabilities; empty where the target is a number.
    public let classNames: [String]
    /// The rows, in the order of the table.
    public let rows: [Row]

    /// Rows without an answer.
    public var unansweredCount: Int { rows.count { $0.failure != nil } }

    /// Rows without an answer for one reason.
    public func count(of failure: Failure) -> Int { rows.count { $0.failure == failure } }

    private static let batchSize = 4096

    /// Reads a table and asks the network of each row. The table needs the columns that were inputs of the training, by name;
    /// others, the target among them, are passed over.
    ///
    /// - Parameters:
    ///   - layer: the network, in evaluation mode.
    ///   - note: what its file says; nil where it was not trained on a table.
    ///   - path: the table.
    /// - Throws: `TableError` with file, line and column, and the nearest name where a column is not there.
    public init?(_ layer: any Layer, _ note: ModelNote, table path: String) throws {
        guard let preparation = note.preparation.table, let recipe = note.recipe.data.table else { return nil }
        let table = try recipe.read(path, for: preparation)
        let complete = try preparation.completeRows(of: table)
        (target, classNames) = (preparation.target.name, preparation.target.classNames)
        var answers = [Row?](repeating: nil, count: table.rowCount)
        for start in stride(from: 0, to: complete.count, by: Self.batchSize) {
            let places = Array(complete[start..<min(complete.count, start + Self.batchSize)])
            let x = try preparation.matrix(of: table.rows(places))
            let numbers = try Self.answers(layer, note, x)
            for (place, own) in zip(places, numbers) {
                answers[place] = Self.row(own, line: table.line(of: place), classNames)
            }
        }
        rows = answers.enumerated().map { place, row in
            row ?? Row(line: table.line(of: place), .missingCells)
        }
    }

    /// Each row's probabilities, or its number alone.
    private static func answers(_ layer: any Layer, _ note: ModelNote, _ inputs: Tensor) throws -> [[Double]] {
        let (preparation, count) = (note.preparation, inputs.shape[0])
        let outputs = withoutGradient {
            let outputs = layer(preparation.scaler?.transform(inputs) ?? inputs)
            if preparation.table?.target.isClass == true { return outputs.softmax(axis: 1) }
            let numbers = note.recipe.loss.predictions(outputs)
            return preparation.labelScaler?.inverse(numbers) ?? numbers
        }
        let numbers = try outputs.checkedArray(as: Double.self)
        let width = numbers.count / count
        return (0..<count).map { Array(numbers[$0 * width..<($0 + 1) * width]) }
    }

    private static func row(_ numbers: [Double], line: Int, _ classNames: [String]) -> Row {
        guard numbers.allSatisfy(\.isFinite) else { return Row(line: line, .nonFiniteOutput) }
        guard !classNames.isEmpty else {
            // As short as the network's own type tells numbers apart.
            return Row(line: line, predicted: "\(Float(numbers[0]))", probabilities: [])
        }
        let best = numbers.indices.max { numbers[$0] < numbers[$1] } ?? 0
        return Row(line: line, predicted: classNames[best], probabilities: numbers)
    }

    /// The rows as a table: `line,prediction` and `P(class)` for each class; blanks where there is no answer.
    public var csv: String {
        let head = ["line", "prediction"] + classNames.map { "P(\($0))" }
        let lines = rows.map { row in
            let shares =
                row.probabilities.isEmpty
                ? classNames.map { _ in "" } : row.probabilities.map { "\(Float($0))" }
            return ["\(row.line)", row.predicted ?? ""] + shares
        }
        return ([head] + lines).map { $0.map(Self.field).joined(separator: ",") + "\n" }.joined()
    }

    /// A field as RFC 4180 has it.
    private static func field(_ text: String) -> String {
        let needsQuotes = text.contains { $0 == "," || $0 == "\"" || $0.isNewline } || text.trimmed != text
        return needsQuotes ? "\"\(text.replacing("\"", with: "\"\""))\"" : text
    }
}

extension String {
    fileprivate var trimmed: String {
        String(drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
    }
}
