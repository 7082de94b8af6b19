import Foundation
import GRDB

/// A study on the disk: its trials and what each reported, in SQLite, so that nothing is lost when a process is killed.
final class StudyStore: Sendable {
    private let queue: DatabaseQueue
    /// The database's file.
    let path: String

    /// Opens the study in a folder, or begins it.
    ///
    /// - Throws: `StudyError` where the folder cannot be made, or holds a study of another plan, or a file that is no database.
    init(folder: String, plan: StudyPlan) throws {
        path = folder + "/study.sqlite"
        do {
            try FileManager.default.createDirectory(atPath: folder + "/trials", withIntermediateDirectories: true)
            queue = try DatabaseQueue(path: path)
            try queue.write { try $0.execute(sql: Self.schema) }
            try queue.write { try Self.claim($0, plan, path) }
        } catch let error as DatabaseError {
            throw StudyError(
                file: path, field: "database", expected: "a study's SQLite file", found: error.message ?? "\(error)")
        } catch let error as CocoaError {
            throw StudyError(
                file: folder, field: "folder", expected: "one that can be made and written in",
                found: error.localizedDescription)
        }
    }

    private static let schema = """
        CREATE TABLE IF NOT EXISTS study (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS trial (
            number INTEGER PRIMARY KEY, state TEXT NOT NULL, settings TEXT NOT NULL, point TEXT NOT NULL,
            figure REAL, epochs INTEGER NOT NULL DEFAULT 0, seconds REAL NOT NULL DEFAULT 0, message TEXT);
        CREATE TABLE IF NOT EXISTS report (
            trial INTEGER NOT NULL, epoch INTEGER NOT NULL, figure REAL, PRIMARY KEY (trial, epoch)) WITHOUT ROWID;
        """

    /// Notes what the study is of, or checks that it is of the same.
    private static func claim(_ database: Database, _ plan: StudyPlan, _ path: String) throws {
        let identity: [(name: String, value: String)] = [
            ("recipe", plan.recipeText), ("algorithm", plan.algorithm.rawValue), ("metric", plan.metric.name),
            ("seed", String(plan.seed)), ("space", "\(plan.space.dimensions.map { "\($0.key) \($0.values)" })"),
        ]
        for (name, value) in identity {
            let known = try String.fetchOne(database, sql: "SELECT value FROM study WHERE name = ?", arguments: [name])
            guard let known else {
                try database.execute(sql: "INSERT INTO study VALUES (?, ?)", arguments: [name, value])
                continue
            }
            guard known == value else {
                throw StudyError(
                    file: path, field: name, expected: "the study that was begun here; choose another folder",
                    found: "another \(name)")
            }
        }
    }

    // MARK: Trials

    /// Every trial so far, in the order of their numbers.
    func trials() throws -> [Trial] {
        try queue.read { database in
            try Row.fetchAll(database, sql: "SELECT * FROM trial ORDER BY number").map(Trial.init)
        }
    }

    /// Begins a trial, or goes on with one whose process died.
    func begin(_ trial: Trial) throws {
        let (settings, point) = (try Self.json(trial.settings), try Self.json(trial.point))
        try queue.write { database in
            try database.execute(
                sql: """
                    INSERT INTO trial (number, state, settings, point) VALUES (?, 'running', ?, ?)
                    ON CONFLICT (number) DO UPDATE SET state = 'running'
                    """, arguments: [trial.number, settings, point])
        }
    }

    /// Notes a trial's figure after an epoch, and gives those that others had at the same age.
    func report(_ number: Int, epoch: Int, figure: Double) throws -> [Double] {
        try queue.write { database in
            try database.execute(
                sql: "INSERT OR REPLACE INTO report VALUES (?, ?, ?)", arguments: [number, epoch, figure])
            try database.execute(
                sql: "UPDATE trial SET epochs = ?, figure = ? WHERE number = ?", arguments: [epoch, figure, number])
            return try Double.fetchAll(
                database, sql: "SELECT figure FROM report WHERE epoch = ? AND trial <> ? AND figure IS NOT NULL",
                arguments: [epoch, number])
        }
    }

    /// Ends a trial.
    func end(_ number: Int, _ state: Trial.State, seconds: Double, message: String? = nil) throws {
        try queue.write { database in
            try database.execute(
                sql: "UPDATE trial SET state = ?, seconds = seconds + ?, message = ? WHERE number = ?",
                arguments: [state.rawValue, seconds, message, number])
        }
    }

    private static func json(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}

/// A trial of a study.
public struct Trial: Sendable, Equatable {
    /// Where a trial is.
    public enum State: String, Sendable {
        case running, finished, pruned, failed
    }
    /// Its number, from 0 on.
    public let number: Int
    /// Where it is.
    public var state: State
    /// The settings it tries, by their paths in the recipe.
    public let settings: [String: String]
    /// The same as places from 0 to 1 in the space.
    let point: [Double]
    /// The metric after its last epoch; nil before the first.
    public var figure: Double?
    /// Epochs done.
    public var epochs = 0
    /// Seconds it took.
    public var seconds = 0.0
    /// Why it failed.
    public var message: String?

    init(number: Int, settings: [String: String], point: [Double]) {
        (self.number, self.settings, self.point, state) = (number, settings, point, .running)
    }

    init(_ row: Row) throws {
        number = row["number"]
        state = State(rawValue: row["state"]) ?? .failed
        let (settings, point): (String, String) = (row["settings"], row["point"])
        self.settings = try JSONDecoder().decode([String: String].self, from: Data(settings.utf8))
        self.point = try JSONDecoder().decode([Double].self, from: Data(point.utf8))
        (figure, epochs, seconds, message) = (row["figure"], row["epochs"], row["seconds"], row["message"])
    }
}

/// What is wrong with a study's folder.
public struct StudyError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The file.
    public let file: String
    /// What of it.
    public let field: String
    /// What would have been right.
    public let expected: String
    /// What was there.
    public let found: String

    /// One line.
    public var description: String { "\(file): \(field): expected \(expected), found \(found)" }
}
