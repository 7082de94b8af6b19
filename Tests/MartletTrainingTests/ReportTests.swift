import Foundation
import FoundationXML
import MartletFiles
import MartletTraining
import Testing

private func report(epochs: Int = 3, classes: Int = 3, names: [String] = []) -> Report {
    var history: [MetricsRecord] = []
    for epoch in 1..<epochs + 1 {
        history.append(
            MetricsRecord(
                epoch: epoch, step: 10 * epoch, trainLoss: 1 / Double(epoch), trainAccuracy: 0.9, testLoss: 0.5,
                testAccuracy: 0.8, imagesPerSecond: 1000, seconds: 2, elapsedSeconds: 2 * Double(epoch)))
    }
    var matrix = ConfusionMatrix(classes: classes)
    for label in 0..<classes { matrix.add(predicted: label, actual: label, count: 1200) }
    matrix.add(predicted: 1, actual: 2, count: 7)
    let image = ReportImage(width: 2, height: 2, channels: 1, pixels: [0, 255, 128, 7])
    return Report(
        title: "Net on data", date: Date(timeIntervalSince1970: 0), parameters: 61_706, device: "cpu",
        history: history, confusion: matrix, classNames: names,
        wrongImages: [.init(image: image, actual: 2, predicted: 1, probability: 0.9876, index: 42)],
        settings: [.init("seed", "7")])
}

/// The page's elements must nest: the report is written so that it is XML too, but for the names that HTML leaves open.
private func isWellFormed(_ html: String) -> Bool {
    let closed = html.replacing("<!DOCTYPE html>\n", with: "")
        .replacing(/<(meta|img)([^>]*)>/) { "<\($0.output.1)\($0.output.2)/>" }
    return XMLParser(data: Data(closed.utf8)).parse()
}

@Suite("Report")
struct ReportTests {
    @Test("the page shows the figures, names nothing outside itself and has no script")
    func contents() {
        let html = report().html()
        for expected in ["Net on data", "99.81%", "7 of 3,607 images wrong", "61,706", "98.76%", "1 January 1970"] {
            #expect(html.contains(expected), "\(expected)")
        }
        #expect(!html.contains("http"))
        #expect(!html.contains("<script"))
        #expect(html.contains("prefers-color-scheme: dark"))
    }

    @Test("the page's elements nest, whatever parts it has", arguments: [0, 1, 2, 60, 500], [2, 3, 40])
    func wellFormed(epochs: Int, classes: Int) {
        #expect(isWellFormed(report(epochs: epochs, classes: max(3, classes)).html()))
    }

    @Test("a page of nothing but a title is well formed")
    func empty() {
        #expect(isWellFormed(Report(title: "Empty", history: []).html()))
    }

    @Test("names and settings cannot break out of their place")
    func escaping() {
        var report = report(names: ["<b>", "\"'&", "\u{1}"])
        report.title = "</title><script>alert(1)</script>"
        report.device = "<img src=x>"
        report.settings = [.init("a<b", "</dl>")]
        let html = report.html()
        #expect(!html.contains("<script"))
        #expect(!html.contains("<img src=x"))
        #expect(!html.contains("</dl></"))
        #expect(html.contains("&lt;b&gt;"))
        #expect(html.contains("&quot;&#39;&amp;"))
        #expect(isWellFormed(html))
    }

    @Test("a loss that is not a number is left out of the curve")
    func notFinite() {
        var report = report()
        report.history[1].trainLoss = .nan
        report.history[2].testLoss = .infinity
        let html = report.html()
        #expect(isWellFormed(html))
        #expect(!html.contains("dnan") && !html.contains(" nan\""))
    }

    @Test(
        "metrics have a curve and a column each, and what the test data were measured by at the end stands at the top")
    func metrics() {
        var report = report()
        report.confusion = nil
        for index in report.history.indices {
            (report.history[index].testAccuracy, report.history[index].testLoss) = (nil, nil)
            report.history[index].validationLoss = 0.3
            report.history[index].validationMetrics = [.r2: 0.7 + 0.01 * Double(index), .rootMeanSquaredError: 5]
        }
        report.testLoss = 0.4321
        report.testFigures = [.init("r2", "0.7654"), .init("rmse", "5.4321")]
        let html = report.html()
        for title in ["<h3>r2</h3>", "<h3>rmse</h3>", ">Validation r2</th>", "<td>0.7200</td>"] {
            #expect(html.contains(title), "\(title)")
        }
        #expect(!html.contains("Test r2</th>"))
        #expect(html.contains("<p class=\"name\">Test r2</p><p class=\"value\">0.7654</p>"))
        #expect(html.contains("<dt>Test rmse</dt><dd>5.4321</dd>") && !html.contains("<dt>Test r2</dt>"))
        (report.unit, report.wrongImages) = ("samples", [])
        #expect(!report.html().contains("mages"))
        #expect(html.contains("<dt>Test loss</dt><dd>0.4321</dd>"))
        #expect(isWellFormed(html))
    }

    @Test("settings are the configuration's leaves under dotted names")
    func settings() throws {
        struct Configuration: Encodable {
            struct Optimizer: Encodable { var rate = 0.001, betas = [0.9, 0.999] }
            var model = "lenet5", augment = false, epochs = 3, optimizer = Optimizer(), limit = Double.nan
        }
        let settings = try Report.settings(of: Configuration())
        #expect(
            settings.map { "\($0.name)=\($0.value)" } == [
                "augment=no", "epochs=3", "limit=none", "model=lenet5", "optimizer.betas=0.9, 0.999",
                "optimizer.rate=0.001",
            ])
    }

    @Test("a picture is a PNG whose bytes come back", arguments: [1, 3, 4])
    func png(channels: Int) throws {
        let pixels = (0..<5 * 3 * channels).map { UInt8($0 * 37 % 256) }
        let png = ReportImage(width: 5, height: 3, channels: channels, pixels: pixels).png
        #expect(png.prefix(8) == [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])
        #expect(Array(png[16..<26]) == [0, 0, 0, 5, 0, 0, 0, 3, 8, channels == 1 ? 0 : channels == 3 ? 2 : 6])
        let length = png[33..<37].reduce(0) { $0 << 8 | Int($1) }
        let rows = try png[41..<41 + length].withUnsafeBytes {
            try Zlib.decompress($0, file: "IDAT", sizeHint: 64, limit: 1000)
        }
        let stride = 5 * channels + 1
        #expect((0..<3).allSatisfy { rows[$0 * stride] == 0 })
        #expect((0..<3).flatMap { rows[$0 * stride + 1..<($0 + 1) * stride] } == pixels)
    }

    @Test("planes become pixels, cut to what can be shown")
    func planes() {
        let image = ReportImage(width: 2, height: 1, channels: 3, planes: [0, 1, 0.5, -1, 2, .nan])
        #expect(image == ReportImage(width: 2, height: 1, channels: 3, pixels: [0, 128, 255, 255, 0, 0]))
    }
}
