extension Report {
    /// The loss and accuracy curves.
    var curves: String? {
        guard !history.isEmpty else { return nil }
        let loss = chart(
            "Loss", format: NumberText.loss, best: .lowest,
            [("train", \.trainLoss), ("validation", \.validationLoss), ("test", \.testLoss)])
        let accuracy = chart(
            "Accuracy", format: { NumberText.percent($0) }, best: .highest,
            [("train", \.trainAccuracy), ("validation", \.validationAccuracy), ("test", \.testAccuracy)])
        return """
            <section aria-labelledby="curves">
            <h2 id="curves">Learning curves</h2>
            <div class="charts">
            \([loss, accuracy].compactMap(\.self).joined(separator: "\n"))
            </div>
            </section>
            """
    }

    private func chart(
        _ title: String, format: @escaping (Double) -> String, best: LineChart.Best,
        _ figures: [(name: String, figure: (MetricsRecord) -> Double?)]
    ) -> String? {
        let series = figures.compactMap { name, figure -> LineChart.Series? in
            let points = history.compactMap { record in
                figure(record).flatMap { $0.isFinite ? LineChart.Point(x: record.epoch, y: $0) : nil }
            }
            return points.isEmpty ? nil : LineChart.Series(name: name, points: points)
        }
        guard !series.isEmpty else { return nil }
        return LineChart(title: title, series: series, best: best, isShare: best == .highest, format: format).figure
    }
}
