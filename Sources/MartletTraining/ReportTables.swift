import Foundation

extension Report {
    /// The most confidently wrong images.
    var gallery: String? {
        guard !wrongImages.isEmpty else { return nil }
        // Names need a line each; digits fit side by side.
        let isNamed = classNames.contains { $0.count > 2 }
        let cards = wrongImages.map { wrong in
            let (actual, predicted) = (className(wrong.actual).htmlEscaped, className(wrong.predicted).htmlEscaped)
            let share = NumberText.percent(wrong.probability)
            // Small pictures keep their pixels; photographs are scaled smoothly.
            let isSmall = max(wrong.image.width, wrong.image.height) <= 96
            return """
                <figure><img\(isSmall ? " class=\"pixels\"" : "") src="\(wrong.image.dataURI)" \
                width="\(wrong.image.width)" height="\(wrong.image.height)" alt="Test image \(wrong.index)" \
                title="test image \(wrong.index)"><figcaption><span>is <b>\(actual)</b></span>\
                <span>said <b class="said">\(predicted)</b></span>\
                <span class="sure" style="--share:\(share)">\(share)</span></figcaption></figure>
                """
        }
        return """
            <section aria-labelledby="wrong">
            <h2 id="wrong">Most confidently wrong</h2>
            <p class="lead">The test images on which the model erred while it was most sure: often hard to read, \
            sometimes labelled wrongly.</p>
            <div class="gallery\(isNamed ? " named" : "")">
            \(cards.joined(separator: "\n"))
            </div>
            </section>
            """
    }

    /// Precision, recall and F1 of each class.
    var perClass: String? {
        guard let confusion, confusion.total > 0 else { return nil }
        func figure(_ value: Double?) -> String {
            guard let value else { return "<td class=\"missing\">–</td>" }
            return "<td>\(NumberText.percent(value))</td>"
        }
        let rows = (0..<confusion.classes).map { label in
            """
            <tr><th scope="row">\(className(label).htmlEscaped)</th>\(figure(confusion.precision(of: label)))\
            \(figure(confusion.recall(of: label)))\(figure(confusion.f1(of: label)))\
            <td>\(NumberText.grouped(confusion.support(of: label)))</td></tr>
            """
        }
        let macro = """
            <tr><th scope="row">Macro average</th>\(figure(confusion.macroPrecision))\(figure(confusion.macroRecall))\
            \(figure(confusion.macroF1))<td>\(NumberText.grouped(confusion.total))</td></tr>
            """
        return section(
            "classes", "Classes",
            head: ["Class", "Precision", "Recall", "F1", unitTitle.htmlEscaped], rows: rows, foot: macro)
    }

    /// Every epoch's figures.
    var epochTable: String? {
        guard !history.isEmpty else { return nil }
        typealias Column = (title: String, text: (MetricsRecord) -> String?)
        let figures: [Column] = [
            ("Train loss", { NumberText.loss($0.trainLoss) }),
            ("Train accuracy", { $0.trainAccuracy.map { NumberText.percent($0) } }),
            ("Validation loss", { $0.validationLoss.map(NumberText.loss) }),
            ("Validation accuracy", { $0.validationAccuracy.map { NumberText.percent($0) } }),
            ("Test loss", { $0.testLoss.map(NumberText.loss) }),
            ("Test accuracy", { $0.testAccuracy.map { NumberText.percent($0) } }),
        ]
        let others = measured.flatMap { metric -> [Column] in
            [
                ("Validation \(metric.rawValue)", { $0.validationMetrics[metric].map(NumberText.loss) }),
                ("Test \(metric.rawValue)", { $0.testMetrics[metric].map(NumberText.loss) }),
            ]
        }
        let rest: [Column] = [
            ("Learning rate", { $0.learningRate.map { String(format: "%.4g", $0) } }),
            ("\(unitTitle.htmlEscaped)/s", { $0.imagesPerSecond.map(NumberText.rate) }),
            ("Time", { NumberText.duration($0.seconds) }),
        ]
        let columns = (figures + others + rest).filter { column in history.contains { column.text($0) != nil } }
        let rows = history.map { record in
            let cells = columns.map { column in
                column.text(record).map { "<td>\($0)</td>" } ?? "<td class=\"missing\">–</td>"
            }
            return "<tr><th scope=\"row\">\(record.epoch)</th>\(cells.joined())</tr>"
        }
        return section("epochs", "Epochs", head: ["Epoch"] + columns.map(\.title), rows: rows)
    }

    /// What the run was asked to do.
    var settingsTable: String? {
        guard !settings.isEmpty else { return nil }
        let rows = settings.map {
            "<div><dt>\($0.name.htmlEscaped)</dt><dd>\($0.value.htmlEscaped)</dd></div>"
        }
        return """
            <section aria-labelledby="settings">
            <h2 id="settings">Configuration</h2>
            <dl class="settings">
            \(rows.joined(separator: "\n"))
            </dl>
            </section>
            """
    }

    private func section(_ id: String, _ title: String, head: [String], rows: [String], foot: String? = nil) -> String {
        """
        <section aria-labelledby="\(id)">
        <h2 id="\(id)">\(title)</h2>
        <div class="scroll" tabindex="0" role="region" aria-labelledby="\(id)">
        <table class="figures">
        <thead><tr>\(head.map { "<th scope=\"col\">\($0)</th>" }.joined())</tr></thead>
        <tbody>
        \(rows.joined(separator: "\n"))
        </tbody>\(foot.map { "\n<tfoot>\($0)</tfoot>" } ?? "")
        </table>
        </div>
        </section>
        """
    }
}
