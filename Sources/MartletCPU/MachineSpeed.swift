import CMartletKernels
import MartletGraph

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The processor's own speed, measured: what every kernel is held against.
package enum MachineSpeed {
    /// Multiplies and adds float32 numbers in registers, the widest vectors on all of the pool's threads.
    ///
    /// - Returns: the floating-point operations that were done, at least `operations`.
    @discardableResult
    package static func multiplyAdd(operations: Int) -> Int {
        Subnormals.settled { Int(mk_machine_multiply_add(Int64(operations))) }
    }

    /// Memory between which copies are measured; 128 MiB a side lie outside every cache.
    package final class CopyBench {
        private let byteCount: Int
        private let source: UnsafeMutableRawPointer
        private let target: UnsafeMutableRawPointer

        package init(byteCount: Int = 128 << 20) {
            self.byteCount = byteCount
            source = .allocate(byteCount: byteCount, alignment: 4096)
            target = .allocate(byteCount: byteCount, alignment: 4096)
            // Pages exist once they were written.
            memset(source, 1, byteCount)
            memset(target, 2, byteCount)
        }

        deinit {
            source.deallocate()
            target.deallocate()
        }

        /// Copies once, on all of the pool's threads.
        ///
        /// - Returns: bytes read and written.
        package func copy() -> Int {
            Subnormals.settled { mk_machine_copy(target, source, Int64(byteCount)) }
            return 2 * byteCount
        }
    }
}
