/// Which layers have been dead or without a gradient for how long, and what was said of them.
struct LayerWatch: Codable, Hashable, Sendable {
    private let limits: LayerStatistics.Limits
    private let names: [String]
    private var dead: [Int]
    private var vanishing: [Int]
    /// In the order in which it was said.
    private var said: [String] = []

    init(_ limits: LayerStatistics.Limits, names: [String]) {
        (self.limits, self.names) = (limits, names)
        dead = names.map { _ in 0 }
        vanishing = dead
    }

    /// Whether it is of the same layers as another, by the same limits.
    func fits(_ other: LayerWatch) -> Bool {
        limits == other.limits && names == other.names && dead.count == names.count && vanishing.count == names.count
    }

    /// What there is to warn of for the first time.
    mutating func look(at rows: [LayerReport.Row], step: Int) -> [LayerReport.Warning] {
        var warnings: [LayerReport.Warning] = []
        func number(_ value: Double) -> String { NumberText.loss(value) }
        for (index, row) in rows.enumerated() {
            func add(_ kind: LayerReport.Warning.Kind, _ detail: String) {
                let name = "\(index) \(kind)"
                guard !said.contains(name) else { return }
                said.append(name)
                warnings.append(LayerReport.Warning(kind: kind, layer: names[index], step: step, detail: detail))
            }
            dead[index] = row.activations?.zeroShare == 1 ? dead[index] + 1 : 0
            if dead[index] >= limits.window {
                add(.dead, "is dead: all its outputs were 0 in \(limits.window) reports")
            }
            let ratio = row.gradientRatio ?? .nan
            vanishing[index] = ratio < limits.vanishing ? vanishing[index] + 1 : 0
            if vanishing[index] >= limits.window {
                add(.vanishing, "has a vanishing gradient: its norm is \(number(ratio)) of the weights'")
            }
            if row.gradientNorm?.isFinite == false {
                add(.exploding, "has a gradient that is not a finite number")
            } else if ratio > limits.exploding {
                add(.exploding, "has an exploding gradient: its norm is \(number(ratio)) times the weights'")
            }
        }
        return warnings
    }
}
