import Foundation
import MartletData
import MartletTensor
import Testing

@Suite struct CSVTableTests {
    @Test func `Columns know their kinds, and blanks are missing`() throws {
        let table = try CSVTable(text: "id,price,name\n1,2.5,ann\n2,,\n-3, 1e2 ,bob\n")
        #expect(table.rowCount == 3)
        #expect(table.columnCount == 3)
        #expect(table.columnNames == ["id", "price", "name"])
        #expect(table.columns.map(\.kind) == [.integer, .number, .text])
        #expect(table["id"].numbers == [1, 2, -3])
        let prices = try #require(table["price"].numbers)
        #expect(prices[0] == 2.5 && prices[1].isNaN && prices[2] == 100)
        #expect(table["name"].texts == ["ann", nil, "bob"])
        #expect(table[2].name == "name")
        #expect(table["id"].texts == ["1", "2", "-3"])
        #expect(table.columns.map(\.missingCount) == [0, 1, 1])
    }

    @Test func `A cell "nan" is the same above a column's first text and below it`() throws {
        let table = try CSVTable(text: "city,y\nnan,1\nParis,nan\nnan,3\n")
        #expect(table["city"].texts == ["nan", "Paris", "nan"])
        #expect(table["city"].missingCount == 0 && table["y"].missingCount == 1)
    }

    @Test func `Quotes hold separators, line ends and doubled quotes`() throws {
        let table = try CSVTable(text: "a,\"b,c\"\r\n\"1\",\"say \"\"hi\"\"\r\nto, all\"\r\n2,\"\"\"\"\r\n3,\"\"")
        #expect(table.columnNames == ["a", "b,c"])
        #expect(table["a"].kind == .integer)
        #expect(table["b,c"].texts == ["say \"hi\"\r\nto, all", "\"", nil])
    }

    @Test(arguments: ["\n", "\r\n", "\r"])
    func `Every line end ends a line, with a byte order mark or without, at the end or not`(
        newline: String
    ) throws {
        for mark in ["", "\u{FEFF}"] {
            for last in ["", newline, newline + newline] {
                let table = try CSVTable(
                    text: mark + ["x;y", "1;2", "", "3;4"].joined(separator: newline) + last, separator: ";")
                #expect(table.columnNames == ["x", "y"])
                #expect(table["x"].numbers == [1, 3])
                #expect(table["y"].numbers == [2, 4])
            }
        }
    }

    @Test func `Marks that are named stand for nothing`() throws {
        let text = "age,city\n30,NA\n?,Rome\n41,?\n"
        let marked = try CSVTable(text: text, missing: ["?", "NA"])
        #expect(marked["age"].kind == .integer)
        #expect(marked["age"].missingCount == 1)
        #expect(marked["city"].texts == [nil, "Rome", nil])
        #expect(try CSVTable(text: text)["age"].kind == .text)
    }

    @Test func `A column that is text after numbers keeps what its numbers were written as`() throws {
        let table = try CSVTable(text: "code,n\n007,1\n,2\n1.50,3\nx9,4\n12,5\n")
        #expect(table["code"].texts == ["007", nil, "1.50", "x9", "12"])
        #expect(table["n"].numbers == [1, 2, 3, 4, 5])
    }

    @Test func `Kinds can be demanded`() throws {
        let table = try CSVTable(text: "zip,n\n01234,1\n90210,2\n", kinds: ["zip": .text, "n": .number])
        #expect(table["zip"].texts == ["01234", "90210"])
        #expect(table["n"].kind == .number)
        let error = #expect(throws: TableError.self) {
            try CSVTable(text: "a,b\n1,2\n3,x\n", name: "t.csv", kinds: ["b": .number])
        }
        #expect(error?.description == "t.csv, line 3, column b: expected a number, found \"x\"")
    }

    @Test(arguments: [
        ("a,b\n1,2\n\"x\ny\",4\n5\n", 5, nil, "1"), ("a,b\n1,2,3\n", 2, nil, "3"), ("a,b\n1,\"2\n", 2, "b", "the end"),
        ("a,b\n1,\"2\"x\n", 2, "b", "\"x\""), ("a,a\n1,2\n", 1, "a", "it twice"), ("", 1, nil, "nothing"),
    ]) func `Text that is no table is an error that names line and column`(
        text: String, line: Int, column: String?, found: String
    ) {
        let error = #expect(throws: TableError.self) { try CSVTable(text: text, name: "bad.csv") }
        #expect(error?.file == "bad.csv")
        #expect(error?.line == line)
        #expect(error?.column == column)
        #expect(error?.found == found)
    }

    @Test func `A file that is missing or is not UTF-8 is an error`() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("martlet-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appendingPathComponent("latin.csv").path
        let missing = #expect(throws: TableError.self) { try CSVTable(contentsOf: path) }
        #expect(missing?.file == path)
        try Data([0x61, 0x0A, 0x78, 0x0A, 0xE9, 0x0A]).write(to: URL(fileURLWithPath: path))
        let error = #expect(throws: TableError.self) { try CSVTable(contentsOf: path) }
        #expect(error?.line == 3)
        #expect(error?.column == "a")
    }

    @Test func `Rows with gaps are dropped, in all columns or in some`() throws {
        let table = try CSVTable(text: "a,b,c\n1,,x\n2,5,\n3,6,y\n")
        #expect(table.dropMissing()["a"].numbers == [3])
        #expect(try table.dropMissing(columns: ["b"])["a"].numbers == [2, 3])
        #expect(try table.dropMissing(columns: [2])["a"].numbers == [1, 3])
    }

    @Test func `Gaps are filled with mean, median, the most frequent value or a constant`() throws {
        let table = try CSVTable(text: "a,b\n1,x\n,y\n2,\n9,y\n")
        func numbers(_ fill: MissingFill) throws -> [Double]? { try table.fillMissing(fill)["a"].numbers }
        #expect(try numbers(.mean) == [1, 4, 2, 9])
        #expect(try numbers(.median) == [1, 2, 2, 9])
        #expect(try numbers(.mostFrequent) == [1, 1, 2, 9])
        #expect(try numbers(.constant(-1)) == [1, -1, 2, 9])
        #expect(try table.fillMissing(.mean)["b"].missingCount == 1)
        #expect(try table.fillMissing(.mostFrequent)["b"].texts == ["x", "y", "y", "y"])
        #expect(try table.fillMissing(.text("?"), columns: ["b"])["b"].texts == ["x", "y", "?", "y"])
        let error = #expect(throws: TableError.self) { try table.fillMissing(.median, columns: ["b"]) }
        #expect(error?.column == "b")
        #expect(throws: TableError.self) { try CSVTable(text: "a,b\n,1\n,2\n").fillMissing(.mean) }
    }

    @Test func `Categories become columns or places`() throws {
        let table = try CSVTable(text: "size,n\nsmall,1\nlarge,2\nmedium,3\n")
        let hot = try table.oneHot(["size"])
        #expect(hot.columnNames == ["size=large", "size=medium", "size=small", "n"])
        #expect(hot["size=medium"].numbers == [0, 0, 1])
        let order = ["size": ["small", "medium", "large"]]
        #expect(try table.ordinal([0], categories: order)["size"].numbers == [0, 2, 1])
        let error = #expect(throws: TableError.self) {
            try table.ordinal(["size"], categories: ["size": ["small", "large"]])
        }
        #expect(error?.line == 4)
        #expect(error?.found == "\"medium\"")
    }

    @Test func `A target of text is classes, and one of numbers is numbers unless asked`() throws {
        let table = try CSVTable(text: "w,kind,y\n1.5,b,10\n2.5,a,20\n3.5,b,10\n", name: "t.csv")
        let classes = try table.dataset(target: "kind")
        #expect(classes.classNames == ["a", "b"])
        #expect(classes.featureNames == ["w", "y"])
        #expect(try classes.classLabels() == [1, 0, 1])
        let numbers = try table.dataset(target: 2, oneHot: ["kind"], dtype: .float64)
        #expect(numbers.featureNames == ["w", "kind=a", "kind=b"])
        #expect(try numbers[0].inputs.array() == [1.5, 0, 1])
        #expect(try numbers[0].label.shape == [1])
        #expect(try numbers[1].label.item() == 20)
        #expect(try numbers[1].inputs.dtype == .float64)
        #expect(numbers.classCount == nil)
        let asked = try table.dataset(target: "y", as: .classes, dropping: ["kind"])
        #expect(asked.classNames == ["10", "20"])
        let error = #expect(throws: TableError.self) { try table.dataset(target: "y") }
        #expect(error?.line == 2)
        #expect(error?.column == "kind")
        #expect(throws: TableError.self) { try table.dataset(target: "z") }
        #expect(throws: TableError.self) { try CSVTable(text: "x,y\n1,\n").dataset(target: "y") }
        let mixed = try CSVTable(text: "x,y\n1,3\n2,4\n3,?\n")
        let doubt = #expect(throws: TableError.self) { try mixed.dataset(target: "y") }
        #expect(doubt?.line == 4 && doubt?.column == "y" && doubt?.found == "\"?\"")
        #expect(try mixed.dataset(target: "y", as: .classes).classNames == ["3", "4", "?"])
        let text = try CSVTable(text: "x,y\n1,03\n2,3\n", kinds: ["y": .text])
        #expect(try text.dataset(target: "y").classNames == ["03", "3"])
    }

    @Test func `A description has the counts and a line for each column`() throws {
        let table = try CSVTable(text: "id,name\n1,b\n2,\n3,a\n", name: "t.csv")
        #expect(
            table.description == """
                t.csv: 3 rows, 2 columns
                id    integer  1 to 3
                name  text     2 values: a, b, 1 missing
                """)
    }
}

@Suite struct DecimalNumberTests {
    private func read(_ text: String) throws -> Double? { try CSVTable(text: "x\n" + text).columns[0].numbers?.first }

    @Test func `Numbers are those of strtod, whatever their length`() throws {
        var random = RandomStream(seed: 5)
        var texts = [
            "0", "-0.0", "1e22", "9007199254740993", "18446744073709551615", "1.7976931348623157e308", "5e-324",
        ]
        texts += [
            "2.2250738585072011e-308", "0.1", ".5", "5.", "+7", "1e-19", "123456789012345678e3", "1e400", "1e-400",
        ]
        for _ in 0..<4000 {
            texts.append("\(Double(bitPattern: random.next() >> 2))")
            texts.append("\(random.unitDouble() * 1000)")
            let digits = "\(random.next())".prefix(1 + random.below(20))
            texts.append("\(digits).\(random.next())")
            texts.append("-\(digits)e\(random.below(50) - 25)")
            texts.append("0.\(String(repeating: "0", count: random.below(8)))\(digits)")
        }
        let read = try #require(try CSVTable(text: "x\n" + texts.joined(separator: "\n")).columns[0].numbers)
        for (text, number) in zip(texts, read) { #expect(number.bitPattern == strtod(text, nil).bitPattern, "\(text)") }
    }

    @Test func `Halfway numbers go to the even neighbour`() throws {
        #expect(try read("9007199254740993") == 9_007_199_254_740_992)
        #expect(try read("9007199254740995") == 9_007_199_254_740_996)
        #expect(try read("9007199254740993.0") == 9_007_199_254_740_992)
        #expect(try read("9007199254740993.1") == 9_007_199_254_740_994)
    }

    @Test(arguments: ["-", "+", ".", "1e", "1e+", "1.2.3", "0x10", "1_000", "e5", "--1"])
    func `What only begins like a number is text`(text: String) throws {
        #expect(try CSVTable(text: "x\n" + text).columns[0].texts == [text])
        #expect(try CSVTable(text: "x\n" + text).columns[0].kind == .text)
    }

    @Test func `Integers beyond two to the 53rd are numbers`() throws {
        #expect(try CSVTable(text: "x\n9007199254740992").columns[0].kind == .integer)
        #expect(try CSVTable(text: "x\n9007199254740993").columns[0].kind == .number)
    }
}
