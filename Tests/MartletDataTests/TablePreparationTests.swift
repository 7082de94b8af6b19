import Foundation
import MartletData
import MartletTensor
import Testing

@Suite struct TablePreparationTests {
    private static let text = """
        rooms,place,age,price
        2,town,10,100
        4,coast,,200
        ,town,30,150
        6,,50,300

        """
    private static let held = "age,price,note,rooms,place\n,500,x,,island\n70,600,y,8,coast\n"

    private func preparation(
        filling: [MissingFill] = [.mean, .text("nowhere")], unknown: TablePreparation.UnknownCategory = .ignore
    ) throws -> TablePreparation {
        try TablePreparation(
            learningFrom: CSVTable(text: Self.text, name: "train.csv"), target: "price", oneHot: ["place"],
            filling: filling, unknown: unknown)
    }

    @Test func `Another table is filled with the training rows' means and has their categories, whatever stands in it`()
        throws
    {
        let preparation = try preparation()
        #expect(preparation.inputNames == ["rooms", "place=coast", "place=nowhere", "place=town", "age"])
        #expect(
            try preparation.matrix(of: CSVTable(text: Self.text)).array() == [
                2, 0, 0, 1, 10, 4, 1, 0, 0, 30, 4, 0, 0, 1, 30, 6, 0, 1, 0, 50,
            ])
        let held = try CSVTable(text: Self.held)
        // The means are 4 and 30; those of the held-out rows are 8 and 70.
        #expect(try preparation.matrix(of: held).array() == [4, 0, 0, 0, 30, 8, 1, 0, 0, 70])
        let data = try preparation.dataset(of: held, dtype: .float64)
        #expect(try data[1].label.array() == [600])
        #expect(data.targetName == "price")
    }

    @Test func `Every fill is learnt as the whole table's would be`() throws {
        let table = try CSVTable(text: "a,b,y\n1,x,0\n,y,0\n2,,0\n9,y,0\n")
        for (fill, numbers) in [
            (MissingFill.mean, [1, 4, 2, 9]), (.median, [1, 2, 2, 9]), (.mostFrequent, [1, 1, 2, 9]),
            (.constant(-1), [1, -1, 2, 9]),
        ] {
            let preparation = try TablePreparation(learningFrom: table, target: "y", dropping: ["b"], filling: [fill])
            #expect(try preparation.matrix(of: table).array(as: Int.self) == numbers, "\(fill)")
            #expect(try table.fillMissing(fill)["a"].numbers == numbers.map(Double.init), "\(fill)")
        }
        let ordinal = try TablePreparation(
            learningFrom: table, target: "y", ordinal: ["b"], dropping: ["a"], filling: [.mostFrequent])
        #expect(try ordinal.matrix(of: table).array(as: Int.self) == [0, 1, 1, 1])
        let error = #expect(throws: TableError.self) {
            try TablePreparation(learningFrom: CSVTable(text: "a,y\n,1\n,2\n"), target: "y", filling: [.median])
        }
        #expect(error?.column == "a" && error?.expected == "a value to fill missing cells with")
    }

    @Test func `An unknown category is an error with its line, or zeros and -1 where asked`() throws {
        let held = try CSVTable(text: Self.held, name: "held.csv")
        let error = #expect(throws: TableError.self) { try preparation(unknown: .error).matrix(of: held) }
        #expect(
            error?.description
                == "held.csv, line 2, column place: expected one of the categories of the training rows: "
                + "coast, nowhere, town (or ignore unknown ones), found \"island\"")
        let ordinal = try TablePreparation(
            learningFrom: CSVTable(text: "c,y\nlow,1\nhigh,2\n"), target: "y", ordinal: ["c"], unknown: .ignore)
        #expect(try ordinal.matrix(of: CSVTable(text: "c\nmiddle\nlow\n")).array() == [-1, 1])
    }

    @Test func `A column that one cell makes text is an error with that cell's line, wherever numbers are wanted`()
        throws
    {
        let table = try CSVTable(text: "a,y\n1.71,1\n inf,2\n,3\n?,?\n", name: "t.csv")
        let remedy = " (name the column in oneHot, ordinal or dropping, or its mark of missing cells in missing)"
        let learning = #expect(throws: TableError.self) {
            try TablePreparation(learningFrom: table, target: "y", as: .numbers)
        }
        #expect(learning?.description == "t.csv, line 5, column a: expected a number\(remedy), found \"?\"")
        let matrix = #expect(throws: TableError.self) { try table.matrix() }
        #expect(matrix?.line == 5 && matrix?.found == "\"?\"")
        let target = try TableTarget(of: table, "y", as: .numbers)
        let labels = #expect(throws: TableError.self) { try target.labels(of: table) }
        #expect(labels?.description == "t.csv, line 5, column y: expected a number, found \"?\"")
        let numbers = try TablePreparation(learningFrom: CSVTable(text: "a,y\n1,1\n2,2\n"), target: "y")
        let used = #expect(throws: TableError.self) { try numbers.matrix(of: table) }
        #expect(used?.description == "t.csv, line 5, column a: expected a number, found \"?\"")
    }

    @Test func `A gap among encoded numbers is the most frequent one, whether a training row had a gap or not`() throws
    {
        for fill in [MissingFill.mean, .median] {
            for gap in ["", ",4\n"] {
                let table = try CSVTable(text: "class,y\n1,1\n2,2\n1,3\n2,2\n" + gap)
                let hot = try TablePreparation(learningFrom: table, target: "y", oneHot: ["class"], filling: [fill])
                #expect(hot.inputNames == ["class=1", "class=2"], "\(fill)")
                let new = try CSVTable(text: "class,y\n,1\n2,1\n")
                #expect(try hot.matrix(of: new).array() == [1, 0, 0, 1], "\(fill)")
                let places = try TablePreparation(
                    learningFrom: table, target: "y", ordinal: ["class"], filling: [fill])
                #expect(try places.matrix(of: new).array() == [0, 1], "\(fill)")
            }
        }
    }

    @Test func `A gap that nothing fills is NaN among numbers and an error among categories`() throws {
        let preparation = try TablePreparation(
            learningFrom: CSVTable(text: "a,c,y\n1,u,1\n2,v,2\n"), target: "y", oneHot: ["c"])
        let gappy = try CSVTable(text: "a,c\n,u\n3,v\n4,\n", name: "gappy.csv")
        #expect(try preparation.completeRows(of: gappy) == [1])
        #expect(try preparation.matrix(of: gappy.rows([0])).array()[0].isNaN)
        let error = #expect(throws: TableError.self) { try preparation.matrix(of: gappy) }
        #expect(error?.line == 4 && error?.column == "c")
        let filled = try self.preparation()
        #expect(try filled.completeRows(of: CSVTable(text: Self.held)) == [0, 1])
    }

    @Test func `A column that is not there is an error with the nearest name`() throws {
        let error = #expect(throws: TableError.self) {
            try preparation().matrix(of: CSVTable(text: "Rooms,place,ages\n1,town,2\n", name: "new.csv"))
        }
        #expect(
            error?.description
                == "new.csv, column rooms: expected each of the columns rooms, place, age, found no such column; "
                + "did you mean Rooms?")
    }

    @Test func `A table without names is read by places, with its target or without`() throws {
        let train = try CSVTable(text: "1,10,5\n2,20,7\n", header: false)
        let preparation = try TablePreparation(learningFrom: train, target: 1)
        #expect(try preparation.matrix(of: train).array() == [1, 5, 2, 7])
        #expect(try preparation.matrix(of: CSVTable(text: "3,9\n", header: false)).array() == [3, 9])
        let error = #expect(throws: TableError.self) {
            try preparation.matrix(of: CSVTable(text: "3\n", name: "x", header: false))
        }
        #expect(error?.description == "x: expected 3 columns, or 2 without the target, found 1")
    }

    @Test func `A file is read so that text stays text and numbers are numbers`() throws {
        let preparation = try TablePreparation(
            learningFrom: CSVTable(text: "zip,n,y\n007,1,1\nA1,2,2\n"), target: "y", ordinal: ["zip"])
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("martlet-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appendingPathComponent("new.csv").path
        try Data("n,zip\n5,007\n".utf8).write(to: URL(fileURLWithPath: path))
        #expect(try preparation.matrix(of: preparation.table(contentsOf: path)).array() == [0, 5])
        try Data("n,zip\n5,007\nfive,A1\n".utf8).write(to: URL(fileURLWithPath: path))
        let error = #expect(throws: TableError.self) { try preparation.table(contentsOf: path) }
        #expect(error?.line == 3 && error?.column == "n" && error?.found == "\"five\"")
    }

    @Test func `Its saved form reads back equal, and one that is broken names the field`() throws {
        for preparation in [
            try preparation(),
            try TablePreparation(
                learningFrom: CSVTable(text: "a,k\n0.1,u\n,v\n0.7,u\n"), target: "k", filling: [.mean]),
        ] {
            #expect(try TablePreparation(json: preparation.json) == preparation)
        }
        let broken = try preparation().json.replacing("\"unknown\":\"ignore\"", with: "\"unknown\":\"guess\"")
        let error = #expect(throws: DataError.self) { try TablePreparation(json: broken, name: "model: martlet.table") }
        #expect(error?.dataset == "model: martlet.table" && error?.field == "unknown")
    }

    @Test func `A table is dealt into parts that have every row once, the same for the same seed`() throws {
        let table = try CSVTable(text: "a\n" + (0..<20).map { "\($0)\n" }.joined())
        let parts = table.split([0.5, 0.3, 0.2], seed: 4)
        #expect(parts.map(\.rowCount) == [10, 6, 4])
        #expect(parts.flatMap { $0["a"].numbers ?? [] }.sorted() == (0..<20).map(Double.init))
        let again = table.split([0.5, 0.3, 0.2], seed: 4)
        #expect(zip(parts, again).allSatisfy { $0["a"] == $1["a"] })
        #expect(table.split([1], seed: 5)[0]["a"] != table.split([1], seed: 4)[0]["a"])
    }
}
