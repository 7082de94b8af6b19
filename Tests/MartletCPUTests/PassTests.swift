import MartletCPU
import MartletGraph
import MartletTesting
import Testing

@testable import MartletRuntime

@Suite("Passes of the planner, switched off")
struct PassTests {
    /// What runs with other kernels than usual adds up in another order; two steps of training make more of it.
    ///
    /// In 8 bits a last place more or less turns a few numbers into their neighbours.
    private static func tolerance(_ program: String) -> Float { program == "quantized network" ? 3e-2 : 2e-3 }

    /// Names of passes, for arguments.
    private static let names = PlanPasses.named.map(\.name)

    private static func pass(_ name: String) throws -> PlanPasses {
        PlanPasses.all.subtracting(try PlanPasses(parsing: "-" + name))
    }

    /// With every pass on.
    private static let usual = results(.all)

    private static func results(_ passes: PlanPasses) -> [String: [[Float]]] {
        PlanSettings.with(passes: passes) {
            Dictionary(uniqueKeysWithValues: PassPrograms.all.map { ($0.name, $0.run()) })
        }
    }

    /// The largest difference, relative to the largest number of the same array or 1.
    private func distance(_ found: [[Float]], _ expected: [[Float]]) -> Float {
        guard found.map(\.count) == expected.map(\.count) else { return .infinity }
        return zip(found, expected).reduce(0) { worst, pair in
            let scale = pair.1.reduce(1) { Swift.max($0, $1.magnitude) }
            return zip(pair.0, pair.1).reduce(worst) {
                let difference = ($1.0 - $1.1).magnitude / scale
                return difference.isNaN ? .infinity : Swift.max($0, difference)
            }
        }
    }

    @Test(
        "Each pass off by itself: training and inference give the same bits, or the stated tolerance", arguments: names)
    func eachOff(_ name: String) throws {
        let pass = try PassTests.pass(name)
        let without = PassTests.results(PlanPasses.all.subtracting(pass))
        for (program, expected) in PassTests.usual {
            let found = try #require(without[program])
            if PlanPasses.exact.contains(pass) {
                #expect(found == expected, "\(program) without \(name): differs by \(distance(found, expected))")
            } else {
                #expect(distance(found, expected) < PassTests.tolerance(program), "\(program) without \(name)")
            }
        }
    }

    @Test("No pass at all, and none of the exact ones")
    func allOff() throws {
        let (bare, inexact) = (PassTests.results(.none), PassTests.results(PlanPasses.all.subtracting(.exact)))
        for (program, expected) in PassTests.usual {
            #expect(distance(try #require(bare[program]), expected) < PassTests.tolerance(program), "\(program)")
            #expect(try #require(inexact[program]) == expected, "\(program)")
        }
    }

    @Test("Checkpoints change no bit, whichever pass is off", arguments: names)
    func checkpoints(_ name: String) throws {
        let found = PassTests.results(PlanPasses.all.subtracting(try PassTests.pass(name)))
        #expect(found["residual network in checkpoints"] == found["residual network"])
        #expect(found["pooled network in checkpoints"] == found["pooled network"])
    }

    @Test("Random programs agree with the reference, cut and uncut, whichever pass is off", arguments: names + ["all"])
    func fuzzed(_ name: String) throws {
        let passes = name == "all" ? PlanPasses.none : PlanPasses.all.subtracting(try PassTests.pass(name))
        var failures: [String] = []
        PlanSettings.with(passes: passes) {
            for seed in 1...60 as ClosedRange<UInt64> {
                guard let words = FuzzCheck.failure(of: FuzzGenerator.script(seed: seed)) else { continue }
                failures.append("seed \(seed): \(words)")
            }
        }
        #expect(failures.isEmpty, "\(failures.prefix(5).joined(separator: "\n"))")
    }

    /// What a pass can change in the plans of the programs, on shapes that no other test has.
    private func traits(_ passes: PlanPasses) -> [String] {
        let plans = PlanSettings.with(passes: passes) {
            PlanWatch.plans {
                _ = PassPrograms.perceptron(batch: 9)
                _ = PassPrograms.residual(batch: 2)
                _ = PassPrograms.pooled(batch: 2)
                _ = PassPrograms.formulas(rows: 5)
                _ = PassPrograms.quantized(batch: 2)
                _ = PassPrograms.clipped(batch: 4)
                _ = PassPrograms.siblings(rows: 36)
                _ = PassPrograms.wide(batch: 3)
            }
        }
        return plans.map { plan in
            let steps = plan.descriptions.map { "\($0.name)\($0.outputs.map { $0.block != nil })" }
            let packed = plan.steps.count { $0.packing != nil }
            let kept = plan.foldings.map(\.byteCount)
            let donated = plan.buffers.count { $0.donor != nil }
            return "\(steps) \(plan.arenaByteCount) \(packed) \(kept) \(donated) \(plan.isParallel)"
        }
    }

    @Test("Each pass changes the plans of these programs, and plans made without it are not met with it")
    func effects() {
        let usual = traits(.all)
        #expect(!usual.isEmpty)
        for (name, pass) in PlanPasses.named {
            if CPUBackend.shared.engine == nil,
                [
                    "layout", "batch-norm-fusion", "convolution-fusion", "product-fusion", "quantized-fusion",
                    "packed-weights",
                ]
                .contains(name)
            {
                continue
            }
            let without = traits(PlanPasses.all.subtracting(pass))
            #expect(!without.isEmpty && without != usual, "\(name) changes nothing")
        }
    }

    @Test("The words of MARTLET_PASSES, from left to right")
    func words() throws {
        #expect(try PlanPasses(parsing: "") == .all)
        #expect(try PlanPasses(parsing: "none") == .none)
        #expect(try PlanPasses(parsing: "none,+layout, fusion") == [.layout, .fusion])
        #expect(try PlanPasses(parsing: "-layout,-fusion") == PlanPasses.all.subtracting([.layout, .fusion]))
        #expect(try PlanPasses(parsing: "none,all,-donation") == PlanPasses.all.subtracting(.donation))
        for (name, pass) in PlanPasses.named {
            let passes = PlanPasses.all.subtracting(pass)
            #expect(passes.description == "-" + name)
            #expect(try PlanPasses(parsing: passes.description) == passes)
            #expect(try PlanPasses(parsing: pass.description) == pass)
        }
        #expect(
            try PlanSettings { $0 == "MARTLET_PASSES" ? "-layout" : nil }.passes
                == .all.subtracting(.layout))
    }

    @Test("An unknown name is an error that names the known ones")
    func unknown() {
        let error = #expect(throws: PlanSettingError.self) { try PlanPasses(parsing: "-layout,-layuot") }
        #expect(error?.description.contains("\"layuot\" is no pass") == true)
        for name in PassTests.names { #expect(error?.description.contains(name) == true) }
    }
}
