extension Report {
    /// The curves of the loss, the accuracy, and what else the held-out data were measured by.
    var curves: String? {
        guard !history.isEmpty else { return nil }
        let loss = chart(
            "Loss", format: NumberText.loss, best: .lowest,
            [("train", \.trainLoss), ("validation", \.validationLoss), ("test", \.testLoss)])
        let accuracy = chart(
            "Accuracy", format: { NumberText.percent($0) }, best: .highest, isShare: true,
            [("train", \.trainAccuracy), ("validation", \.validationAccuracy), ("test", \.testAccuracy)])
        let others = measured.map { metric in
            chart(
                metric.rawValue, format: NumberText.loss, best: metric.isBetterHigher ? .highest : .lowest,
                [("validation", { $0.validationMetrics[metric] }), ("test", { $0.testMetrics[metric] })])
        }
        return """
            <section aria-labelledby="curves">
            <h2 id="curves">Learning curves</h2>
            <div class="charts">
            \(([loss, accuracy] + others).compactMap(\.self).joined(separator: "\n"))
            </div>
            </section>
            """
    }

    /// The metrics besides loss and accuracy.
    var measured: [MetricName] {
        let found = Set(history.flatMap { [MetricName]($0.validationMetrics.keys) + $0.testMetrics.keys })
        return MetricName.allCases.filter(found.contains)
    }

    private func chart(
        _ title: String, format: @escaping (Double) -> String, best: LineChart.Best, isShare: Bool = false,
        _ figures: [(name: String, figure: (MetricsRecord) -> Double?)]
    ) -> String? {
        let series = figures.compactMap { name, figure -> LineChart.Series? in
            let points = history.compactMap { record in
                figure(record).flatMap { $0.isFinite ? LineChart.Point(x: record.epoch, y: $0) : nil }
            }
            return points.isEmpty ? nil : LineChart.Series(name: name, points: points)
        }
        guard !series.isEmpty else { return nil }
        return LineChart(title: title, series: series, best: best, isShare: isShare, format: format).figure
    }
}
