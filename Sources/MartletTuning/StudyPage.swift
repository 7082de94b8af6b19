import Foundation
import MartletRecipes
import MartletTraining

/// A study as one self-contained web page: parallel coordinates and a table; no scripts, no other files, light and dark.
struct StudyPage {
    private let title: String
    private let plan: StudyPlan
    private let trials: [Trial]
    private let best: Trial?
    private let cost: (Trial) -> Double

    init(study: Study, trials: [Trial], best: Trial?) {
        title = (study.plan.file as NSString).lastPathComponent
        (plan, self.trials, self.best, cost) = (study.plan, trials, best, study.cost)
    }

    private static let (height, top, bottom, gap, margin) = (320.0, 40.0, 280.0, 150.0, 70.0)

    var html: String {
        """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>\(title.htmlEscaped): study</title>
        <style>
        \(Self.css)
        </style>
        </head>
        <body>
        <main>
        <h1>\(title.htmlEscaped)</h1>
        <p>\(summary.htmlEscaped)</p>
        <div class="wide">\(coordinates)</div>
        <div class="wide">\(table)</div>
        </main>
        </body>
        </html>

        """
    }

    private var summary: String {
        let counts = [Trial.State.finished, .pruned, .failed, .running].compactMap { state -> String? in
            let count = trials.count { $0.state == state }
            return count > 0 ? "\(count) \(state.rawValue)" : nil
        }
        let seconds = trials.reduce(0) { $0 + $1.seconds }
        let text =
            "\(trials.count) trials by \(plan.algorithm.rawValue): \(counts.joined(separator: ", ")); "
            + String(format: "%.0f s of training. ", seconds)
        guard let best, let figure = best.figure else { return text }
        return text + "Best: trial \(best.number), \(plan.metric.name) \(Self.number(figure))."
    }

    // MARK: Parallel coordinates

    /// The axis of the figure, between the least and the largest that were seen; costs grow downwards.
    private var figures: (low: Double, high: Double) {
        let finite = trials.compactMap(\.figure).filter(\.isFinite)
        let (low, high) = (finite.min() ?? 0, finite.max() ?? 1)
        return low < high ? (low, high) : (low - 0.5, high + 0.5)
    }

    private var coordinates: String {
        let dimensions = plan.space.dimensions
        let width = Self.gap * Double(dimensions.count) + 2 * Self.margin
        var parts: [String] = []
        let order = trials.filter { $0.figure?.isFinite == true }.sorted { cost($0) > cost($1) }
        for (rank, trial) in order.enumerated() {
            parts.append(line(trial, share: Double(rank + 1) / Double(order.count)))
        }
        // Above the lines, which would cross out the axes' numbers.
        parts += dimensions.enumerated().map { axis($1, at: place(of: $0)) }
        parts.append(figureAxis(at: place(of: dimensions.count)))
        return """
            <svg viewBox="0 0 \(Int(width)) \(Int(Self.height))" width="\(Int(width))" role="img" \
            aria-label="Settings and \(plan.metric.name) of each trial as a line">
            \(parts.joined(separator: "\n"))
            </svg>
            """
    }

    private func place(of index: Int) -> Double { Self.margin + Self.gap * Double(index) }

    private func height(_ place: Double) -> Double { Self.bottom - (Self.bottom - Self.top) * place }

    private func axis(_ dimension: SearchSpace.Dimension, at x: Double) -> String {
        let ends: [(String, Double)]
        switch dimension.values {
        case .choices(let texts):
            ends = texts.enumerated().map { ($1, (Double($0) + 0.5) / Double(texts.count)) }
        case .numbers(let low, let high, _): ends = [(Self.number(low), 0), (Self.number(high), 1)]
        case .whole(let low, let high, _): ends = [("\(low)", 0), ("\(high)", 1)]
        }
        return axis(name: dimension.key, ends, at: x)
    }

    private func figureAxis(at x: Double) -> String {
        let (low, high) = figures
        return axis(name: plan.metric.name, [(Self.number(low), 0), (Self.number(high), 1)], at: x)
    }

    private func axis(name: String, _ labels: [(String, Double)], at x: Double) -> String {
        let short = TrialTable.short(name)
        let texts = labels.map { text, place in
            "<text x=\"\(Int(x) + 6)\" y=\"\(Self.text(height(place) + 4))\">\(text.htmlEscaped)</text>"
        }
        return """
            <g class="axis"><title>\(name.htmlEscaped)</title>\
            <path d="M\(Self.text(x)) \(Int(Self.top))V\(Int(Self.bottom))"/>\
            <text class="name" x="\(Self.text(x))" y="22">\(short.htmlEscaped)</text>\(texts.joined())</g>
            """
    }

    private func line(_ trial: Trial, share: Double) -> String {
        let (low, high) = figures
        var points = zip(plan.space.dimensions.indices, plan.space.dimensions).map { index, dimension in
            (place(of: index), height(dimension.place(of: trial.settings[dimension.key] ?? "") ?? trial.point[index]))
        }
        let figure = ((trial.figure ?? low) - low) / (high - low)
        points.append((place(of: points.count), height(figure)))
        let path = points.map { "\(Self.text($0.0)) \(Self.text($0.1))" }.joined(separator: "L")
        let kind = trial.number == best?.number ? "best" : trial.state.rawValue
        let settings = trial.settings.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        let title =
            "trial \(trial.number), \(trial.state.rawValue): \(trial.figure.map(Self.number) ?? "-"); \(settings)"
        return """
            <path class="trial \(kind)" style="opacity:\(Self.text(0.15 + 0.75 * share))" d="M\(path)">\
            <title>\(title.htmlEscaped)</title></path>
            """
    }

    // MARK: The table

    private var table: String {
        let keys = plan.space.dimensions.map(\.key)
        let titles =
            [("Trial", "Trial"), (plan.metric.name, plan.metric.name)] + keys.map { ($0, TrialTable.short($0)) }
        let head = (titles + ["Epochs", "Seconds", "End"].map { ($0, $0) }).map { whole, short in
            "<th title=\"\(whole.htmlEscaped)\">\(short.htmlEscaped)</th>"
        }
        let rows = trials.sorted { (cost($0), $0.number) < (cost($1), $1.number) }.map { trial in
            let end = trial.message.map { "\(trial.state.rawValue): \($0)" } ?? trial.state.rawValue
            let cells =
                ["\(trial.number)", trial.figure.map(Self.number) ?? "-"] + keys.map { trial.settings[$0] ?? "" }
                + ["\(trial.epochs)", String(format: "%.1f", trial.seconds), end]
            let kind = trial.number == best?.number ? " class=\"best\"" : ""
            return "<tr\(kind)>\(cells.map { "<td>\($0.htmlEscaped)</td>" }.joined())</tr>"
        }
        return
            "<table><thead><tr>\(head.joined())</tr></thead><tbody>\n\(rows.joined(separator: "\n"))\n</tbody></table>"
    }

    private static let css = """
        :root { --ink: #1a1a1a; --faint: #8a8a8a; --line: #2f6fb0; --best: #c2410c; --ground: #ffffff; }
        @media (prefers-color-scheme: dark) {
          :root { --ink: #e6e6e6; --faint: #8f8f8f; --line: #6fa8dc; --best: #fb923c; --ground: #161616; } }
        body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.45 system-ui, sans-serif; }
        main { max-width: 1280px; margin: 0 auto; padding: 24px; }
        h1 { font-size: 22px; margin: 0 0 4px; }
        .wide { overflow-x: auto; }
        svg { display: block; font: 11px system-ui, sans-serif; }
        .axis path { stroke: var(--faint); } 
        .axis text { fill: var(--faint); paint-order: stroke; stroke: var(--ground); stroke-width: 4px; }
        .axis .name { fill: var(--ink); text-anchor: middle; font-size: 12px; }
        .trial { fill: none; stroke: var(--line); stroke-width: 1.4; }
        .trial.pruned, .trial.failed { stroke: var(--faint); stroke-dasharray: 4 3; }
        .trial.best { stroke: var(--best); stroke-width: 3; opacity: 1 !important; }
        .trial:hover { stroke-width: 4; opacity: 1 !important; }
        table { border-collapse: collapse; margin-top: 16px; font-size: 13.5px; font-variant-numeric: tabular-nums; }
        th, td { text-align: left; padding: 3px 14px 3px 0; border-bottom: 1px solid color-mix(in srgb, var(--faint) 35%, transparent); }
        tr.best td { color: var(--best); font-weight: 600; }
        """

    private static func number(_ value: Double) -> String { String(format: "%.4g", value) }
    private static func text(_ value: Double) -> String { String(format: "%.2f", value) }
}
