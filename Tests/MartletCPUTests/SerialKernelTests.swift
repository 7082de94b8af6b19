import CMartletKernels
import Foundation
import MartletCPU
import MartletGraph
import MartletTensor
import Testing

/// Kernels below a size run on the thread that calls them: what a second thread brings does not pay for waking it. Each test is a
/// process of its own, in which a pool that counts stands in the place of the engine's.
@Suite("Small kernels and the pool of threads")
struct SerialKernelTests {
    /// What kernels asked of the pool.
    private enum Pool {
        nonisolated(unsafe) static var regions = 0
        nonisolated(unsafe) static var threads: UInt32 = 0

        typealias Region = @convention(c) (UnsafeMutableRawPointer?) -> Void
        typealias Parallel = @convention(c) (Region?, UnsafeMutableRawPointer?, UInt32, UInt32) -> Void

        /// From here on regions are counted, and run by the caller alone as if no other thread had come.
        static func watch() {
            setenv("MARTLET_ENGINES", "none", 1)
            Runtime.start()
            let parallel: Parallel = { region, context, threads, _ in
                Pool.regions += 1
                Pool.threads = threads
                region?(context)
            }
            let number: @convention(c) () -> Int32 = { 0 }
            mk_parallel_bind(
                unsafeBitCast(parallel, to: UnsafeMutableRawPointer.self),
                unsafeBitCast(number, to: UnsafeMutableRawPointer.self))
            mk_parallel_set_threads(4)
        }
    }

    /// Regions that reading a tensor gives to the pool.
    private static func regions(_ body: () -> Tensor) -> Int {
        Pool.regions = 0
        _ = body().array()
        return Pool.regions
    }

    private static func numbers(_ shape: Shape) -> Tensor {
        Tensor((0..<shape.elementCount).map { Float($0 % 7) - 3 }, shape: shape)
    }

    @Test("Up to 16,384 elements an elementwise chain and a sum run on the calling thread; a million are shared")
    func chains() async {
        await #expect(processExitsWith: .success) { SerialKernelTests.checkChains() }
    }

    private static func checkChains() {
        Pool.watch()
        func chain(_ x: Tensor) -> Tensor { ((x * 2 + 1).tanh() - x).exp() }
        for count in [1, 8192, 16_384] {
            let x = numbers([count])
            #expect(regions { chain(x) } == 0, "\(count) elements")
            #expect(regions { x.sum() } == 0, "the sum of \(count)")
        }
        let x = numbers([1 << 20])
        for shared in [regions { chain(x) }, regions { x.sum() }] { #expect(shared > 0) }
        #expect(Pool.threads == 4)
    }

    @Test("Matrix products of less than 200,000 multiplications run on the calling thread; larger ones are shared")
    func products() async {
        await #expect(processExitsWith: .success) { SerialKernelTests.checkProducts() }
    }

    private static func checkProducts() {
        Pool.watch()
        #expect(regionsOfProduct(8, 8, 8) == 0)
        #expect(regionsOfProduct(64, 48, 64) == 0)
        #expect(regionsOfProduct(256, 256, 256) > 0)
        // A row by a layer's weights as they lie: dot products.
        #expect(regionsOfProduct(1, 1024, 128, isTransposed: true) == 0)
        #expect(regionsOfProduct(1, 1024, 4096, isTransposed: true) > 0)
        #expect(Pool.threads == 4)
    }

    /// Regions of the product of `[m, k]` and `[k, n]`, the second of which may lie transposed.
    private static func regionsOfProduct(_ m: Int, _ k: Int, _ n: Int, isTransposed: Bool = false) -> Int {
        let left = numbers([m, k])
        let right = isTransposed ? numbers([n, k]).transpose() : numbers([k, n])
        return regions { matmul(left, right) }
    }
}
