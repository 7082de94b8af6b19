import Foundation
import MartletTraining
import Testing

@Suite("Terminal")
struct TerminalTests {
    @Test("COLUMNS counts where the terminal does not tell, and 80 where neither does")
    func columns() throws {
        let null = open("/dev/null", O_WRONLY)
        defer { close(null) }
        #expect(Terminal.columns(of: null, ["COLUMNS": "132"]) == 132)
        #expect(Terminal.columns(of: null, ["COLUMNS": "wide"]) == 80)
        #expect(Terminal.columns(of: null, [:]) == 80)
        #expect(!Terminal(descriptor: null, environment: [:]).isTerminal)
    }

    @Test("the locale is taken from the first of its variables that is set")
    func locale() {
        #expect(Terminal.isUTF8(["LANG": "de_DE.UTF-8"]))
        #expect(Terminal.isUTF8(["LC_ALL": "", "LC_CTYPE": "C.utf8", "LANG": "C"]))
        #expect(!Terminal.isUTF8(["LC_ALL": "C", "LANG": "en_GB.UTF-8"]))
        #expect(!Terminal.isUTF8([:]))
    }

    @Test("wide characters count two columns, and cutting never splits one")
    func fitting() {
        #expect("ab".fitted(to: 4) == "ab  ")
        #expect("abcdef".fitted(to: 4) == "abc…")
        #expect("abcdef".fitted(to: 4, unicode: false) == "abc~")
        #expect("日本語".columns == 6)
        #expect("日本語".fitted(to: 4) == "日… ")
        #expect("日本語".fitted(to: 4).columns == 4)
        #expect("e\u{301}".columns == 1)
        #expect("7".rightAligned(to: 3) == "  7")
        #expect("a\u{1B}[2Jb\n".withoutControls == "a\u{FFFD}[2Jb\u{FFFD}")
    }

    @Test("probabilities are bars of eighths with aligned numbers")
    func bars() {
        let lines = TerminalBars([.init("7", 1), .init("2", 0.5), .init("9", 0.0012), .init("x", .nan)]).lines(
            width: 33)
        #expect(
            lines == [
                "  7  ████████████████████ 100.00%",
                "  2  ██████████            50.00%",
                "  9                         0.12%",
                "  x                          nan%",
            ])
    }

    @Test("bars keep the width with long names, and without Unicode are ASCII")
    func barWidths() {
        let rows = [TerminalBars.Row(String(repeating: "long name ", count: 9), 0.75), .init("日本", 0.25)]
        for width in [40, 80, 200] {
            for unicode in [true, false] {
                let lines = TerminalBars(rows).lines(width: width, unicode: unicode)
                #expect(lines.allSatisfy { $0.columns == min(width, 80) })
            }
        }
        let ascii = TerminalBars([.init("cat", 0.75)]).lines(width: 40, unicode: false)
        #expect(ascii == ["  cat  ###################        75.00%"])
    }

    @Test("a table aligns text left and numbers right with their separators")
    func table() {
        var table = TerminalTable([.init("Layer"), .init("Output"), .init("Parameters", .right)])
        table.add("conv1", "6×28×28", 156)
        table.add("fc1", "120", 48_120)
        table.addFooter("Total", "", 61_706)
        #expect(
            table.lines() == [
                "Layer   Output    Parameters",
                "────────────────────────────",
                "conv1   6×28×28          156",
                "fc1     120           48,120",
                "────────────────────────────",
                "Total                 61,706",
            ])
    }

    @Test("a table without titles has no head, and one too wide cuts its widest text")
    func narrowTable() {
        var table = TerminalTable([.init(""), .init("")])
        table.add("oneDNN", "3.2, from the package's own folder of engines")
        #expect(table.lines() == ["oneDNN   3.2, from the package's own folder of engines"])
        #expect(table.lines(width: 24) == ["oneDNN   3.2, from the …"])
        #expect(table.lines(width: 24, unicode: false) == ["oneDNN   3.2, from the ~"])
        table.add(["CUDA"])
        #expect(table.lines().last == "CUDA")
    }
}
