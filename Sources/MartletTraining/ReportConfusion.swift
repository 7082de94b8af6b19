import Foundation

extension Report {
    /// Up to this many classes the matrix is a table with numbers; beyond, a picture.
    private static let mostCells = 25

    /// The confusion matrix beside the most frequent errors.
    var confusionSection: String? {
        guard let confusion, confusion.total > 0 else { return nil }
        let matrix = confusion.classes <= Self.mostCells ? table(confusion) : picture(confusion)
        return """
            <section aria-labelledby="confusion">
            <h2 id="confusion">Confusion matrix</h2>
            <div class="confusion">
            <div class="matrix">\(matrix)</div>
            <div class="errors">\(errorList(confusion))</div>
            </div>
            </section>
            """
    }

    private func table(_ confusion: ConfusionMatrix) -> String {
        let labels = (0..<confusion.classes).map { className($0) }
        // Long names would make columns wide: they stand upright.
        let isLong = labels.contains { $0.count > 3 }
        let heads = labels.map { "<th scope=\"col\"><span>\($0.htmlEscaped)</span></th>" }
        let worst = confusion.mostFrequentErrors(1).first?.count ?? 0
        let rows = labels.indices.map { actual in
            let cells = labels.indices.map { cell(confusion, actual: actual, predicted: $0, worst: worst) }
            return "<tr><th scope=\"row\">\(labels[actual].htmlEscaped)</th>\(cells.joined())</tr>"
        }
        return """
            <table class="heat\(isLong ? " upright" : "")" style="--classes:\(confusion.classes)">
            <caption>Rows: what it is. Columns: what the model said.</caption>
            <thead><tr><td></td>\(heads.joined())</tr></thead>
            <tbody>
            \(rows.joined(separator: "\n"))
            </tbody>
            </table>
            """
    }

    private func cell(_ confusion: ConfusionMatrix, actual: Int, predicted: Int, worst: Int) -> String {
        let count = confusion[predicted: predicted, actual: actual]
        guard count > 0 else { return "<td class=\"none\">·</td>" }
        let isRight = actual == predicted
        let heat = isRight ? confusion.recall(of: actual) ?? 0 : errorHeat(Double(count), most: Double(worst))
        let name = "\(className(actual)) taken for \(className(predicted)): \(NumberText.grouped(count))".htmlEscaped
        return "<td class=\"\(isRight ? "hit" : "miss")\(heat > 0.55 ? " strong" : "")\" "
            + "style=\"--heat:\(NumberText.fixed(heat * 100, decimals: 0))%\" title=\"\(name)\">"
            + "\(NumberText.grouped(count))</td>"
    }

    /// A pixel a cell, blue for hits and orange for errors, with opacity for the share of the class.
    private func picture(_ confusion: ConfusionMatrix) -> String {
        let classes = confusion.classes
        let most = Double(confusion.mostFrequentErrors(1).first?.count ?? 1)
        var pixels: [UInt8] = []
        pixels.reserveCapacity(4 * classes * classes)
        for actual in 0..<classes {
            for predicted in 0..<classes {
                let isRight = actual == predicted
                let count = Double(confusion[predicted: predicted, actual: actual])
                let heat = isRight ? confusion.recall(of: actual) ?? 0 : errorHeat(count, most: most)
                pixels += isRight ? [58, 118, 214] : [226, 106, 30]
                pixels.append(UInt8((heat * 255).rounded()))
            }
        }
        let image = ReportImage(width: classes, height: classes, channels: 4, pixels: pixels)
        return """
            <figure class="bitmap"><img src="\(image.dataURI)" alt="Confusion matrix of \(classes) classes">
            <figcaption>Rows: what it is. Columns: what the model said. \(classes) classes in their order; \
            blue right, orange wrong.</figcaption></figure>
            """
    }

    /// Errors are few beside the hits: they have a scale of their own, by square roots so that single ones show.
    private func errorHeat(_ count: Double, most: Double) -> Double {
        count == 0 ? 0 : 0.12 + 0.88 * (count / most).squareRoot()
    }

    private func errorList(_ confusion: ConfusionMatrix) -> String {
        let errors = confusion.mostFrequentErrors(8)
        guard let most = errors.first?.count else { return "<h3>Most frequent errors</h3><p>None.</p>" }
        let items = errors.map { error in
            let share = Double(error.count) / Double(max(1, confusion.support(of: error.actual)))
            return """
                <li style="--share:\(NumberText.fixed(Double(error.count) / Double(most) * 100, decimals: 1))%">\
                <span class="pair"><b>\(className(error.actual).htmlEscaped)</b> taken for \
                <b class="said">\(className(error.predicted).htmlEscaped)</b></span>\
                <span class="count">\(NumberText.grouped(error.count))\
                <small>\(NumberText.percent(share, decimals: 1))</small></span></li>
                """
        }
        return """
            <h3>Most frequent errors <small>\(unit.htmlEscaped), share of the class</small></h3>
            <ol>
            \(items.joined(separator: "\n"))
            </ol>
            """
    }
}
