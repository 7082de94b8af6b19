import Foundation
import MartletGraph
import MartletRuntime
import MartletTensor
import Testing

@Suite("Types and devices")
struct DeviceTests {
    private let there = Device.reference

    @Test("A tensor goes to a device and back, and is read from there")
    func roundTrip() {
        let x = Tensor([[1, 2, 3], [4, 5, 6]])
        let moved = x.to(there)
        #expect(moved.device == there)
        #expect(moved.array() == [1, 2, 3, 4, 5, 6])
        #expect((moved * 2).sum().item() == 42)
        #expect(moved.to(.cpu).device == .cpu)
        #expect(moved.to(.cpu).array() == x.array())
        #expect(moved[1, 2].item() == 6)
        #expect("\(moved)" == "\(x)")
    }

    @Test("Views of every kind arrive with their elements")
    func views() {
        let x = Tensor.arange(24).reshape([2, 3, 4])
        let views = [x.transpose(), x[1], x[0..., 1..., 1..<3], x.flip(axes: [0, 2])]
        for view in views {
            #expect(view.to(there).array(as: Int.self) == view.array(as: Int.self))
            #expect(view.to(there).to(.cpu).array(as: Int.self) == view.array(as: Int.self))
        }
        let moved = x.to(there)
        #expect(moved.transpose().to(.cpu).array(as: Int.self) == x.transpose().array(as: Int.self))
    }

    @Test("A tensor made without a device is uncommitted: meeting a committed one it is copied there")
    func uncommitted() {
        let committed = Tensor([1, 2, 3]).to(there)
        _ = committed.array()
        let free = Tensor([10, 20, 30])
        let sum = committed + free
        #expect(sum.device == there)
        #expect(free.device == .cpu)
        #expect(sum.array() == [11, 22, 33])
        // It is still on no device: it may meet another one.
        #expect((free + Tensor([1, 1, 1]).to(.cpu)).device == .cpu)
        #expect((free * 2 + committed).array() == [21, 42, 63])
    }

    @Test("What stands on numbers alone is made where it is read")
    func numbers() {
        let committed = Tensor([1, 2, 3]).to(there)
        #expect((committed * 2 + Tensor.ones([3])).array() == [3, 5, 7])
        #expect((Tensor.arange(3).to(dtype: .float32) - committed).array() == [-1, -1, -1])
    }

    @Test("Copies between devices are counted in the plan log, with what was copied")
    func logged() async throws {
        let result = try await #require(processExitsWith: .success, observing: [\.standardErrorContent]) {
            setenv("MARTLET_LOG", "plan", 1)
            let committed = Tensor([1, 2, 3]).to(.reference)
            _ = (committed + Tensor([10, 20, 30]) * 2 + 1).sum().item()
            exit(0)
        }
        let text = String(decoding: result.standardErrorContent, as: UTF8.self)
        #expect(text.contains("copied here from another device: [3] float32 from cpu\n"), "\(text)")
        // Both operands, and the number that is read.
        #expect(text.contains("; 3 values copied between devices"), "\(text)")
    }

    @Test("Two committed devices stop with both names")
    func conflict() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            _ = Tensor([1, 2]).to(.cpu) + Tensor([3, 4]).to(.reference)
        }
        let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(text.contains("add: operands live on cpu and reference; move one with to(_:)"), "\(text)")
    }

    @Test("withDevice commits literals, factories and random tensors; what library code makes follows what it meets")
    func defaultDevice() {
        let made = withDevice(there) {
            [
                Tensor([1, 2]), Tensor.zeros([2]), Tensor.full([2], 3), Tensor.arange(2), Tensor.eye(2),
                Tensor.linspace(0, 1, count: 3), Tensor.randn([2]), Tensor.randint(0, 9, [2]), Tensor.randperm(4),
                Tensor([Float(1), 2]), [0.5, 1],
            ]
        }
        for tensor in made { #expect(tensor.device == there) }
        #expect(made[4].array() == [1, 0, 0, 1])
        #expect(withDevice(there) { Device.default } == there)
        let x = Tensor([1, 2, 3]).to(.cpu).requiringGradient()
        withDevice(there) { (x * x * 2).sum().backward() }
        #expect(x.gradient?.device == .cpu)
        #expect(x.gradient?.array() == [4, 8, 12])
        #expect(Tensor.zeros(like: made[1]).device == there)
    }

    @Test("to(device) is differentiable, and the gradient comes back on the first device")
    func differentiable() {
        let x = Tensor([1, 2, 3]).to(there).requiringGradient()
        let y = (x.to(.cpu) * Tensor([1, 10, 100])).square().sum()
        #expect(y.device == .cpu)
        y.backward()
        #expect(x.gradient?.device == there)
        #expect(x.gradient?.array() == [2, 400, 60_000])

        let free = Tensor([1, 2, 3]).requiringGradient()
        (free.to(there) * Tensor([3, 3, 3]).to(there)).sum().backward()
        // One that is on no device has its gradient where it was used.
        #expect(free.gradient?.device == there)
        #expect(free.gradient?.array() == [3, 3, 3])
        let both = Tensor([1, 2, 3]).requiringGradient()
        ((both * Tensor([1, 10, 100]).to(there)).sum() + both.to(there).sum()).backward()
        #expect(both.gradient?.array() == [2, 11, 101])

        func square(_ x: Tensor) -> Tensor { (x.to(.reference) * x.to(.reference)).sum() }
        let slope = gradient(of: square)
        #expect(slope(Tensor([1, 2, 3])).array() == [2, 4, 6])
        func slopes(_ x: Tensor) -> Tensor { slope(x).sum() }
        let curvature = gradient(of: slopes)
        #expect(curvature(Tensor([1, 2])).array() == [2, 2])
        // A gradient that is a number alone lies where its leaf does.
        let leaf = Tensor([1, 2]).to(there).requiringGradient()
        leaf.sum().backward()
        #expect(leaf.gradient?.device == there)
    }

    @Test("A value that goes from device to device and meets itself again is made in stages")
    func thereAndBack() {
        let a = Tensor([1, 2, 3]).to(.cpu)
        let b = a * 2
        let c = (b.to(there) + 1).to(.cpu)
        let d = b + c
        let e = (d.to(there) - b.to(there)).to(.cpu) * d
        #expect(e.array() == [15, 45, 91])
        #expect(c.array() == [3, 5, 7])
        #expect(b.array() == [2, 4, 6])
    }

    @Test("Random bits, uniforms and permutations are equal bit by bit on every device, normals nearly")
    func random() {
        func draw(_ device: Device) -> [Tensor] {
            withGenerator(seed: 11) {
                withDevice(device) {
                    [
                        Tensor.randomBits([257]), Tensor.rand([33], dtype: .float32), Tensor.rand([5], dtype: .float64),
                        Tensor.bernoulli([64], probability: 0.3), Tensor.randperm(50), Tensor.randint(-5, 6, [40]),
                    ]
                }
            }
        }
        for (one, other) in zip(draw(.cpu), draw(there)) {
            #expect(other.device == there)
            #expect(one.array(as: Double.self) == other.array(as: Double.self))
        }
        let normals = [Device.cpu, there].map { device in
            withGenerator(seed: 12) { withDevice(device) { Tensor.randn([1000]) } }.array()
        }
        for (one, other) in zip(normals[0], normals[1]) { #expect(abs(one - other) <= 4 * max(1, abs(one)).ulp) }
    }

    @Test("vmap, subscripts and a slice whose start is computed run on the device")
    func transformations() {
        let x = Tensor.arange(12).reshape([3, 4]).to(dtype: .float32).to(there)
        let rows = vmap { (row: Tensor) in (row * row).sum() }(x)
        #expect(rows.device == there)
        #expect(rows.array() == [14, 126, 366])
        var y = x
        y[1, 2] = Tensor(-1)
        #expect(y.device == there)
        #expect(y.array()[6] == -1)
        #expect(x.array()[6] == 6)
        let batched = withGenerator(seed: 3) { vmap { (row: Tensor) in row + Tensor.rand([4]) }(x) }
        let onProcessor = withGenerator(seed: 3) { vmap { (row: Tensor) in row + Tensor.rand([4]) }(x.to(.cpu)) }
        #expect(batched.array() == onProcessor.array())
    }

    @Test("A failure on one device marks what stands on it on the other")
    func failure() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let picked = Tensor([1, 2, 3]).to(.reference).gather(axis: 0, indices: Tensor([7]))
            _ = (picked.to(.cpu) + 1).item()
        }
        let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(text.contains("7"), "\(text)")
    }
}
