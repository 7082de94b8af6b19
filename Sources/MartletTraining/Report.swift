import Foundation

/// A training run as one self-contained web page: no scripts, no other files, light and dark.
///
///     try folder.write(Report(title: "LeNet-5 on MNIST", history: records, confusion: matrix, ...))
public struct Report: Sendable {
    /// What was trained on what.
    public var title: String
    /// When the run ended.
    public var date: Date
    /// The trained numbers of the model.
    public var parameters: Int?
    /// Where it ran, such as `cpu (oneDNN 3.2, 2 threads)`.
    public var device: String?
    /// The epochs, in order.
    public var history: [MetricsRecord]
    /// The mean loss over the test data; nil takes the last epoch's.
    public var testLoss: Double?
    /// What else the test data were measured by at the end.
    public var testFigures: [Setting]
    /// Counts over the test data.
    public var confusion: ConfusionMatrix?
    /// The names of the classes, in their order; where one is missing its number stands.
    public var classNames: [String]
    /// The most confidently wrong test images, the most confident first.
    public var wrongImages: [WrongImage]
    /// What the run was asked to do.
    public var settings: [Setting]
    /// What examples are called: `images`, `samples`, `rows`.
    public var unit = "images"

    /// A test image that the model got wrong.
    public struct WrongImage: Sendable {
        /// The picture as the model saw it, or before its normalisation.
        public var image: ReportImage
        /// The label's class.
        public var actual: Int
        /// The class that the model said.
        public var predicted: Int
        /// The probability that the model gave to `predicted`.
        public var probability: Double
        /// Its position in the test data.
        public var index: Int

        /// A wrong image.
        public init(image: ReportImage, actual: Int, predicted: Int, probability: Double, index: Int) {
            (self.image, self.actual, self.predicted) = (image, actual, predicted)
            (self.probability, self.index) = (probability, index)
        }
    }

    /// A report; parts without data are left out of the page.
    public init(
        title: String, date: Date = Date(), parameters: Int? = nil, device: String? = nil, history: [MetricsRecord],
        testLoss: Double? = nil, testFigures: [Setting] = [], confusion: ConfusionMatrix? = nil,
        classNames: [String] = [], wrongImages: [WrongImage] = [], settings: [Setting] = []
    ) {
        (self.testLoss, self.testFigures) = (testLoss, testFigures)
        (self.title, self.date, self.parameters, self.device) = (title, date, parameters, device)
        (self.history, self.confusion, self.classNames) = (history, confusion, classNames)
        (self.wrongImages, self.settings) = (wrongImages, settings)
    }

    /// The page.
    public func html() -> String {
        let sections = [summary, curves, confusionSection, gallery, perClass, epochTable, settingsTable]
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <title>\(title.htmlEscaped)</title>
            <style>
            \(ReportStyle.css)
            </style>
            </head>
            <body>
            <main>
            \(header)
            \(sections.compactMap(\.self).joined(separator: "\n"))
            </main>
            <footer>Written by Martlet. The numbers behind this page are in <code>metrics.jsonl</code> and \
            <code>config.json</code> beside it.</footer>
            </body>
            </html>

            """
    }

    /// What examples are called, at the head of a column.
    var unitTitle: String { unit.prefix(1).uppercased() + unit.dropFirst() }

    /// The name of a class.
    func className(_ label: Int) -> String {
        classNames.indices.contains(label) ? classNames[label] : String(label)
    }

    private var header: String {
        """
        <header>
        <p class="kicker">Training report</p>
        <h1>\(title.htmlEscaped)</h1>
        <p class="date"><time datetime="\(date.formatted(.iso8601))">\(longDate)</time></p>
        </header>
        """
    }

    private var longDate: String {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_GB")
        formatter.dateFormat = "d MMMM yyyy, HH:mm"
        return formatter.string(from: date)
    }
}

// MARK: - Key figures

extension Report {
    private var last: MetricsRecord? { history.last }

    /// The headline's value with its name and a remark: the test's accuracy where there was a test.
    private var headline: (name: String, value: String, remark: String)? {
        if let confusion, confusion.total > 0 {
            let wrong = confusion.total - confusion.correct
            return (
                "Test accuracy", NumberText.percent(confusion.accuracy),
                "\(NumberText.grouped(wrong)) of \(NumberText.grouped(confusion.total)) \(unit.htmlEscaped) wrong"
            )
        }
        if let accuracy = last?.testAccuracy { return ("Test accuracy", NumberText.percent(accuracy), "") }
        if let accuracy = last?.validationAccuracy { return ("Validation accuracy", NumberText.percent(accuracy), "") }
        if let figure = testFigures.first { return ("Test \(figure.name.htmlEscaped)", figure.value.htmlEscaped, "") }
        if let loss = testLoss ?? last?.testLoss { return ("Test loss", NumberText.loss(loss), "") }
        if let loss = last?.validationLoss { return ("Validation loss", NumberText.loss(loss), "") }
        return last.map { ("Training loss", NumberText.loss($0.trainLoss), "") }
    }

    private var figures: [(name: String, value: String)] {
        var figures: [(name: String, value: String)] = []
        if let loss = testLoss ?? last?.testLoss {
            figures.append(("Test loss", NumberText.loss(loss)))
        } else if let loss = last?.validationLoss {
            figures.append(("Validation loss", NumberText.loss(loss)))
        }
        if let confusion, confusion.total > 0 {
            figures.append(("Macro F1", NumberText.fixed(confusion.macroF1, decimals: 4)))
        }
        // The headline's is not said twice.
        let others = testFigures.map { (name: "Test \($0.name)", value: $0.value) }
        figures += others.filter { $0.name.htmlEscaped != headline?.name }
        if let parameters { figures.append(("Parameters", NumberText.grouped(parameters))) }
        figures.append(("Epochs", NumberText.grouped(history.count)))
        if let last { figures.append(("Time", NumberText.duration(last.elapsedSeconds))) }
        let rates = history.compactMap(\.imagesPerSecond).sorted()
        if !rates.isEmpty { figures.append(("\(unitTitle) a second", NumberText.rate(rates[rates.count / 2]))) }
        if let device { figures.append(("Device", device)) }
        return figures
    }

    private var summary: String? {
        let tiles = figures.map { "<div><dt>\($0.name.htmlEscaped)</dt><dd>\($0.value.htmlEscaped)</dd></div>" }
        let hero = headline.map {
            """
            <div class="hero"><p class="name">\($0.name)</p><p class="value">\($0.value)</p>\
            <p class="remark">\($0.remark)</p></div>
            """
        }
        return """
            <section class="summary" aria-label="Key figures">
            \(hero ?? "")
            <dl>
            \(tiles.joined(separator: "\n"))
            </dl>
            </section>
            """
    }
}
