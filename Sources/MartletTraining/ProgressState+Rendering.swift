extension ProgressState {
    /// The state as one line of at most `width` columns, the best of it within 80.
    ///
    ///     Epoch  3/10  ━━━━━━──────  54%  loss 0.0421  acc 98.71%  41,203 img/s  0:42 left
    ///
    /// Where there is little room the least telling fields go first: images a second, accuracy, the bar, the time left.
    public func render(width: Int, unicode: Bool = true, colored: Bool = false) -> String {
        let width = min(width, Terminal.usualWidth)
        let head = Self.heading(epoch: epoch, of: epochs)
        let percent = "\(Int(fraction * 100))%".rightAligned(to: 4)
        var fields = fieldTexts()
        var barWidth = 0
        while true {
            let used = head.columns + 2 + percent.columns + fields.reduce(0) { $0 + 2 + $1.text.columns }
            barWidth = width - used - 1
            guard barWidth < Self.shortestBar, !fields.isEmpty else { break }
            let least = fields.indices.min { fields[$0].rank < fields[$1].rank } ?? 0
            // The bar itself is worth less than the loss and the time left.
            if fields[least].rank > Self.barRank, width >= used { break }
            fields.remove(at: least)
        }
        let tail = ([percent] + fields.map(\.text)).joined(separator: "  ")
        guard barWidth >= Self.shortestBar else { return "\(head)  \(tail)".clipped(to: width) }
        return "\(head)  \(Self.bar(fraction, width: barWidth, unicode: unicode, colored: colored)) \(tail)"
    }

    /// What stays on the screen of an epoch.
    ///
    ///     Epoch  3/10  train 0.0421 98.71%  test 0.0380 98.80%  41,203 img/s  1.45 s
    public static func epochLine(_ record: MetricsRecord, of epochs: Int, unit: String = "img") -> String {
        func pair(
            _ name: String, _ loss: Double?, _ accuracy: Double?, _ metrics: [MetricName: Double] = [:]
        ) -> String? {
            let known = [loss.map(NumberText.loss), accuracy.map { NumberText.percent($0) }].compactMap(\.self)
            let others = metrics.sorted { $0.key.rawValue < $1.key.rawValue }
            let figures = known + others.map { "\($0.key.rawValue) \(NumberText.fixed($0.value, decimals: 4))" }
            return figures.isEmpty ? nil : ([name] + figures).joined(separator: " ")
        }
        let fields: [String?] = [
            heading(epoch: record.epoch, of: epochs),
            pair("train", record.trainLoss, record.trainAccuracy),
            pair("validation", record.validationLoss, record.validationAccuracy, record.validationMetrics),
            pair("test", record.testLoss, record.testAccuracy, record.testMetrics),
            record.imagesPerSecond.map { "\(NumberText.rate($0)) \(unit)/s" },
            NumberText.duration(record.seconds),
        ]
        return fields.compactMap(\.self).joined(separator: "  ")
    }

    private static let shortestBar = 8
    private static let barRank = 2

    private static func heading(epoch: Int, of epochs: Int) -> String {
        "Epoch \(String(epoch).rightAligned(to: String(epochs).count))/\(epochs)"
    }

    /// The fields behind the bar in their order, with ranks by which they give way, lowest first.
    private func fieldTexts() -> [(text: String, rank: Int)] {
        var fields: [(text: String, rank: Int)] = []
        if case .testing = phase { fields.append(("testing", 5)) }
        if let loss { fields.append(("loss " + NumberText.loss(loss), 4)) }
        if let accuracy { fields.append(("acc " + NumberText.percent(accuracy), 1)) }
        if let imagesPerSecond, phase == .training {
            fields.append(("\(NumberText.rate(imagesPerSecond)) \(unit)/s", 0))
        }
        if let secondsLeft { fields.append((NumberText.clock(secondsLeft) + " left", 3)) }
        return fields
    }

    private static func bar(_ fraction: Double, width: Int, unicode: Bool, colored: Bool) -> String {
        guard unicode else {
            let filled = Int(fraction * Double(width - 2))
            return "[" + String(repeating: "#", count: filled) + String(repeating: ".", count: width - 2 - filled) + "]"
        }
        let halves = Int(fraction * Double(2 * width))
        let done = String(repeating: "━", count: halves / 2) + (halves % 2 == 1 ? "╸" : "")
        let rest = String(repeating: "─", count: width - (halves + 1) / 2)
        return colored ? "\u{1B}[36m\(done)\u{1B}[90m\(rest)\u{1B}[0m" : done + rest
    }
}

extension String {
    fileprivate func clipped(to width: Int) -> String { columns <= width ? self : fitted(to: width, unicode: false) }
}
