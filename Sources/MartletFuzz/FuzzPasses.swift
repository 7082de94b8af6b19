import MartletRuntime
import MartletTesting

/// Which passes of the planner run in a check.
enum FuzzPasses {
    /// What the environment says.
    case usual
    case fixed(PlanPasses)
    /// Others for each seed, the same ones whenever it is drawn.
    case random

    /// Runs `body` as if for this seed.
    func around<Result>(seed: UInt64, _ body: () -> Result) -> Result {
        switch self {
        case .usual: body()
        case .fixed(let passes): PlanSettings.with(passes: passes, body)
        case .random: PlanSettings.with(passes: FuzzPasses.drawn(seed), body)
        }
    }

    /// All, all but one, each with an even chance, or one alone.
    static func drawn(_ seed: UInt64) -> PlanPasses {
        var random = FuzzRandom(seed: seed ^ 0x9A55E5)
        let one = random.element(PlanPasses.named.map(\.pass))
        return switch random.below(8) {
        case 0: .all
        case 1...3: PlanPasses.all.subtracting(one)
        case 4: one
        default: PlanPasses.named.reduce(into: .none) { if random.chance(50) { $0.formUnion($1.pass) } }
        }
    }

    /// How to ask for the same again on the command line, and what that meant for the seed.
    func words(_ seed: UInt64) -> (option: String, meaning: String) {
        switch self {
        case .usual: ("", "")
        case .fixed(let passes): (" --passes \(passes)", "")
        case .random: (" --passes random", " with passes \(FuzzPasses.drawn(seed))")
        }
    }
}
