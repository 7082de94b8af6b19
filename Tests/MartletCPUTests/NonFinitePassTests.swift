import MartletCPU
import MartletNN
import MartletRuntime
import MartletTensor
import Testing

/// What the passes do to numbers that are not finite: all that promise the same bits keep them, but for those that fold a rectifier
/// into an engine's kernel.
@Suite("NaN and infinities, whichever pass is off")
struct NonFinitePassTests {
    /// Names of the passes that promise the same bits beyond finite numbers.
    private static let names = PlanPasses.named.filter { PlanPasses.exactBeyondFinite.contains($0.pass) }.map(\.name)

    /// The passes that fold rectifiers in inference.
    private static let folding: PlanPasses = [.convolutionFusion, .productFusion]
    private static let usual = found(PlanPasses.all.subtracting(folding))

    /// Pictures, one of which has a NaN and another an infinity.
    private static func pictures() -> Tensor {
        var pictures = withGenerator(seed: 51) { Tensor.randn([3, 16, 14, 15]) }
        pictures[0, 1, 5, 6] = Tensor(Float.nan)
        pictures[1, 2, 9, 3] = Tensor(Float.infinity)
        _ = pictures.array()
        return pictures
    }

    private static func finitePictures() -> Tensor { Tensor.randn([2, 16, 8, 9]).detached().requiringGradient() }

    /// A convolution, a rectifier and a pool in training, with their derivatives, and two normalisations with infinite ones; a residual
    /// block and a layer in inference.
    private static func found(_ passes: PlanPasses) -> [[Float]] {
        PlanSettings.with(passes: passes) {
            withGenerator(seed: 52) {
                let (first, second) = (Conv2d(16, 32, kernelSize: 3, padding: 1), Conv2d(32, 32, kernelSize: 1))
                let (norm, head) = (BatchNorm2d(32).eval(), Linear(32, 160))
                let (plain, blocks) = (BatchNorm2d(16), BatchNorm2d(16))
                let x = pictures().detached().requiringGradient()
                let pooled = maxPool2d(relu(first(x)), kernelSize: 2)
                pooled.sum().backward()
                let inference: [Tensor] = withoutGradient {
                    let y = relu(first(x.detached()))
                    let z = relu(norm(second(y)) + y)
                    return [z, relu(head(z.reshape([-1, 32])))]
                }
                // The root's derivative at 0 is infinite, where a rectifier lets none through.
                let (y, z) = (finitePictures(), finitePictures())
                (relu(plain(y)).sqrt().sum() + relu(blocks(y) + z).sqrt().sum()).backward()
                let gradients = [
                    x.gradient, first.weight.gradient, first.bias?.gradient, y.gradient, z.gradient,
                    plain.weight?.gradient, plain.bias?.gradient, blocks.weight?.gradient, blocks.bias?.gradient,
                ]
                return ([pooled] + inference + gradients.compactMap { $0 }).map { $0.array() }
            }
        }
    }

    private static func isSame(_ one: [Float], _ other: [Float]) -> Bool {
        one.count == other.count && zip(one, other).allSatisfy { $0 == $1 || $0.isNaN && $1.isNaN }
    }

    @Test("A pass that is exact beyond finite numbers keeps every NaN and infinity where it was", arguments: names)
    func kept(_ name: String) throws {
        let pass = PlanPasses.all.subtracting(try PlanPasses(parsing: "-" + name))
        let found = Self.found(PlanPasses.all.subtracting(Self.folding).subtracting(pass))
        #expect(found.count == Self.usual.count && found.count == 12)
        for (index, (one, other)) in zip(found, Self.usual).enumerated() {
            #expect(Self.isSame(one, other), "result \(index) without \(name)")
        }
        // Not everything is NaN: the rest of the pictures is there to differ.
        for result in Self.usual.prefix(3) {
            #expect(result.contains { $0.isNaN } && result.contains { $0.isFinite && $0 != 0 })
        }
        #expect(Self.usual.suffix(6).allSatisfy { $0.allSatisfy(\.isFinite) })
    }

    @Test(
        "What is folded into the engine's kernels in inference loses NaN, and training loses none",
        .enabled(if: CPUBackend.shared.engine != nil, "without the engine nothing is folded"))
    func folded() {
        #expect(PlanPasses.exact.subtracting(PlanPasses.exactBeyondFinite) == Self.folding)
        let found = Self.found(.all)
        #expect(Self.isSame(found[0], Self.usual[0]))
        for index in 3..<found.count { #expect(Self.isSame(found[index], Self.usual[index]), "gradient \(index - 3)") }
        #expect(!Self.isSame(found[1], Self.usual[1]))
        // Finite numbers are the same all the same.
        for (one, other) in zip(found[1], Self.usual[1]) where one.isFinite && other.isFinite {
            #expect(one == other)
        }
    }
}
