import Martlet
import MartletTensor

let a: Tensor = [0.5], b: Tensor = [0.25]
print((a + b).item(), Tensor.randn([3, 3]).array(), ((Tensor.ones([4, 5]) * 2).sum(axes: [0])).array())
let x = Tensor.randn([3, 3], requiresGradient: true)
let y = (x * x).sum()
y.backward()
print(x.gradient!.isClose(to: 2 * x.detached()))
let clock = ContinuousClock()
for _ in 0..<5 {
    let n = 100000
    let t = clock.measure { for _ in 0..<n { _ = (a + b).item() } }
    print("add", t / n)
}
