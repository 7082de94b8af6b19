import Foundation
import MartletCPU
import MartletGraph
import MartletRuntime
import MartletTensor

let a: Tensor = [0.5], b: Tensor = [0.25]
let clock = ContinuousClock()
func ms(_ d: Duration) -> Double { Double(d.components.attoseconds) / 1e15 + Double(d.components.seconds) * 1e3 }
for _ in 0..<3 {
    let n = Int(ProcessInfo.processInfo.environment["A"] ?? "100000")!
    let t = clock.measure { for _ in 0..<n { _ = (a + b).item() } }
    print("add", ms(t) * 1e3 / Double(n), "us")
}

final class P {
    let slot: StateSlot, box = GradientBox(), m: StateSlot, v: StateSlot
    init(_ s: Shape, _ fan: Int) {
        let w = Tensor.uniform(s, low: -1 / Double(fan).squareRoot(), high: 1 / Double(fan).squareRoot())
        slot = StateSlot(w, box: box)
        m = StateSlot(Tensor.zeros(s)); v = StateSlot(Tensor.zeros(s))
    }
    var value: Value { slot.tensor!.value }
}
nonisolated(unsafe) var count = 0.0
func adam(_ ps: [P]) {
    count += 1
    withoutGradient {
        for p in ps {
            let s = [1e-3, 0.9, 0.999, 1e-8, 1 - Foundation.pow(0.9, count), 1 - Foundation.pow(0.999, count)].map { Value.scalar($0, dtype: .float64) }
            let r = Value.makeAll(.composite(CompositeCall(AdamUpdate())), [p.value.detached(), p.box.gradient!.value, p.m.tensor!.value, p.v.tensor!.value] + s)
            p.slot.tensor = Tensor(r[0]); p.m.tensor = Tensor(r[1]); p.v.tensor = Tensor(r[2])
        }
    }
    try! Flush.all()
    for p in ps { p.box.gradient = nil }
}
func ce(_ logits: Value, _ labels: Value) -> Value {
    let m = logits.maximum(over: [1], keeping: true).detached()
    let s = logits - m
    let lse = s.applying(.exp).sum([1], keeping: true).applying(.log)
    let oneHot = (labels.insertingAxis(1).expanded(toKnown: logits.shape) .== Value.iota(logits.shape, axis: 1)).cast(to: .float32)
    return ((lse - s) * oneHot).sum([1]).mean()
}
func linear(_ x: Value, _ w: P, _ b: P) -> Value { x.matmul(w.value.transposed, bias: b.value) }
func run(_ name: String, _ n: Int, _ ps: [P], _ f: () -> Value) {
    var losses: [Float] = []
    func step() -> Tensor {
        let loss = Tensor(f()); loss.backward(); adam(ps); return loss.detached()
    }
    for _ in 0..<5 { losses.append(step().item()) }
    for _ in 0..<20 { _ = step() }
    print(name, losses, PlanCache.shared.counts)
    for _ in 0..<3 {
        let t = clock.measure { for _ in 0..<n { _ = step() } }
        print(name, ms(t) / Double(n), "ms")
    }
}
let only = CommandLine.arguments.dropFirst().first
if only != "cnn" {
let x = Tensor.rand([32, 784]), y = Tensor((0..<32).map { $0 % 10 })
let ps = [P([128, 784], 784), P([128], 784), P([10, 128], 128), P([10], 128)]
run("mlp", Int(ProcessInfo.processInfo.environment["N"] ?? "5000")!, ps) { ce(linear(linear(x.value, ps[0], ps[1]).applying(.relu), ps[2], ps[3]), y.value) }
}
if only != "mlp" {
let x = Tensor.rand([128, 1, 28, 28]), y = Tensor((0..<128).map { $0 % 10 })
_ = x.array()
let ps = [P([32, 1, 3, 3], 9), P([32], 9), P([64, 32, 3, 3], 288), P([64], 288), P([128, 1600], 1600), P([128], 1600), P([10, 128], 128), P([10], 128)]
run("cnn", 50, ps) {
    var h = try! x.value.convolution(ps[0].value, bias: ps[1].value).applying(.relu).maxPool([2, 2]).values
    h = try! h.convolution(ps[2].value, bias: ps[3].value).applying(.relu).maxPool([2, 2]).values
    return ce(linear(linear(h.reshaped(known: [128, 1600]), ps[4], ps[5]).applying(.relu), ps[6], ps[7]), y.value)
}
}
