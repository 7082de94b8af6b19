import MartletGraph

extension Plan {
    /// A unit of `ConstantFolding` as runs find it: what it makes is kept with the largest leaf behind it, or by the plan where no
    /// leaf is.
    ///
    /// `@unchecked Sendable`: what changes is touched under `lock`.
    final class Folding: @unchecked Sendable {
        let byteCount: Int
        /// The unit's leaves; none for what the plan itself keeps.
        let leaves: [Int]
        private let arguments: [Int]
        private let identity: Int

        private let lock = Lock()
        /// Grows with each run that finds what was kept, shrinks with each that does not.
        private var credit = 0
        /// What follows from numbers alone.
        private var own: (basis: DerivedBasis, buffer: Buffer)?

        /// Where the credit is used up, nothing is kept any more: the sources change from run to run.
        private static let creditBounds = -4...64

        /// What a run has: memory, and whether the values are in it already.
        struct Found {
            let buffer: Buffer
            let isThere: Bool
            /// Nil where nothing is to be kept.
            fileprivate let basis: DerivedBasis?
        }

        init(_ unit: ConstantFolding.Unit) {
            (byteCount, leaves, arguments) = (unit.byteCount, unit.leaves, unit.arguments)
            identity = unit.identity
        }

        /// What was kept, or memory to make it in.
        func look(_ sources: [Realized], _ numbers: [Scalar], on backend: any Backend) throws -> Found {
            if let basis = basis(sources, numbers) {
                let kept = kept(basis, sources)
                if let kept { return Found(buffer: kept, isThere: true, basis: basis) }
                return Found(buffer: try backend.allocate(byteCount: byteCount), isThere: false, basis: basis)
            }
            return Found(buffer: try backend.allocate(byteCount: byteCount), isThere: false, basis: nil)
        }

        /// Keeps what a run has made.
        func keep(_ found: Found, _ sources: [Realized]) {
            guard let basis = found.basis else { return }
            if let owner = leaves.first {
                sources[owner].buffer.keep(found.buffer, key(sources[owner]), basis)
            } else {
                lock.withLock { own = (basis, found.buffer) }
            }
        }

        /// What the values depend on; nil where they are not worth keeping, or a source is only lent.
        private func basis(_ sources: [Realized], _ numbers: [Scalar]) -> DerivedBasis? {
            guard lock.withLock({ credit > Self.creditBounds.lowerBound }),
                !leaves.contains(where: { sources[$0].buffer.isBorrowed })
            else { return nil }
            return DerivedBasis(
                others: leaves.dropFirst().map { sources[$0] }, numbers: arguments.map { numbers[$0] })
        }

        private func kept(_ basis: DerivedBasis, _ sources: [Realized]) -> Buffer? {
            let known = leaves.first.flatMap { sources[$0].buffer.kept(key(sources[$0]), basis) }
            return lock.withLock {
                let found = known ?? own.flatMap { $0.basis == basis ? $0.buffer : nil }
                credit = min(
                    max(credit + (found == nil ? -1 : 1), Self.creditBounds.lowerBound), Self.creditBounds.upperBound)
                return found
            }
        }

        private func key(_ owner: Realized) -> DerivedKey {
            // No kernel's packing has this number.
            DerivedKey(kind: .max, offset: owner.offset, derivation: identity)
        }
    }
}
