/// An initialiser that a file can name: its settings, what they may be, and how it is made of them.
struct InitializerKind: Sendable {
    let numbers: [String]
    var takesFan = false
    var takesDistribution = false
    let make: @Sendable (InitializerSpec) -> Initializer

    var settingNames: [String] {
        numbers + (takesFan ? ["fan"] : []) + (takesDistribution ? ["distribution"] : [])
    }

    static let all: [String: InitializerKind] = [
        "zeros": InitializerKind(numbers: []) { _ in .zeros },
        "ones": InitializerKind(numbers: []) { _ in .ones },
        "constant": InitializerKind(numbers: ["value"]) { .constant($0.number("value", 0)) },
        "normal": InitializerKind(numbers: ["mean", "standard_deviation"]) {
            .normal(mean: $0.number("mean", 0), standardDeviation: $0.number("standard_deviation", 1))
        },
        "uniform": InitializerKind(numbers: ["low", "high"]) {
            .uniform(low: $0.number("low", 0), high: $0.number("high", 1))
        },
        "truncated_normal": InitializerKind(numbers: ["mean", "standard_deviation", "low", "high"]) {
            .truncatedNormal(
                mean: $0.number("mean", 0), standardDeviation: $0.number("standard_deviation", 1),
                low: $0.number("low", -2), high: $0.number("high", 2))
        },
        "glorot_normal": InitializerKind(numbers: ["gain"]) { .glorotNormal(gain: $0.number("gain", 1)) },
        "glorot_uniform": InitializerKind(numbers: ["gain"]) { .glorotUniform(gain: $0.number("gain", 1)) },
        "he_normal": InitializerKind(numbers: ["gain"], takesFan: true) {
            .heNormal($0.fan ?? .input, gain: $0.number("gain", 2.0.squareRoot()))
        },
        "he_uniform": InitializerKind(numbers: ["gain"], takesFan: true) {
            .heUniform($0.fan ?? .input, gain: $0.number("gain", 2.0.squareRoot()))
        },
        "lecun_normal": InitializerKind(numbers: []) { _ in .lecunNormal() },
        "lecun_uniform": InitializerKind(numbers: []) { _ in .lecunUniform() },
        "torch_default": InitializerKind(numbers: []) { _ in .torchDefault },
        "orthogonal": InitializerKind(numbers: ["gain"]) { .orthogonal(gain: $0.number("gain", 1)) },
        "identity": InitializerKind(numbers: ["gain"]) { .identity(gain: $0.number("gain", 1)) },
        "dirac": InitializerKind(numbers: ["groups"]) { .dirac(groups: Int($0.number("groups", 1))) },
        "sparse": InitializerKind(numbers: ["sparsity", "standard_deviation"]) {
            .sparse($0.number("sparsity", 0.1), standardDeviation: $0.number("standard_deviation", 0.01))
        },
        "variance_scaling": InitializerKind(numbers: ["scale"], takesFan: true, takesDistribution: true) {
            .varianceScaling($0.number("scale", 1), $0.fan ?? .input, $0.distribution ?? .truncatedNormal)
        },
    ]

    /// Throws where a setting is not this initialiser's or out of its range.
    func check(_ spec: InitializerSpec) throws(InitializerSpecError) {
        let name = spec.name
        for setting in spec.settings.keys.sorted() where !numbers.contains(setting) {
            throw .unknownSetting(setting, of: name)
        }
        if spec.fan != nil, !takesFan { throw .unknownSetting("fan", of: name) }
        if spec.distribution != nil, !takesDistribution { throw .unknownSetting("distribution", of: name) }
        for (setting, value) in spec.settings.sorted(by: { $0.key < $1.key }) {
            func require(_ condition: Bool, _ expected: String) throws(InitializerSpecError) {
                if !condition { throw .outOfRange(setting, of: name, value: value, expected: expected) }
            }
            try require(value.isFinite, "a finite number")
            switch setting {
            case "standard_deviation", "gain": try require(value >= 0, "a number that is not negative")
            case "scale": try require(value > 0, "a positive number")
            case "sparsity": try require((0...1).contains(value), "a share from 0 to 1")
            case "groups": try require(value >= 1 && Int(exactly: value) != nil, "a whole number from 1 on")
            default: break
            }
        }
        guard numbers.contains("low") else { return }
        let usual: (low: Double, high: Double) = name == "uniform" ? (0, 1) : (-2, 2)
        let (low, high) = (spec.number("low", usual.low), spec.number("high", usual.high))
        if low >= high { throw .outOfRange("low", of: name, value: low, expected: "a number below high, \(high),") }
    }
}
