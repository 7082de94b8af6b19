/// Mistakes that the fuzzer's self-test plants in the planner, to show that it would catch them.
///
/// Read when plans are made and at donations, never between kernels.
package enum PlannedBug: CaseIterable, Sendable {
    /// What was packed from a leaf is used on after the leaf was overwritten.
    case stalePack
    /// A step's result takes the memory of an operand that is read again later.
    case wrongDonation
    /// A leaf is overwritten while somebody else holds it.
    case stolenLeaf
    /// A stretch of the arena is given away one step too early.
    case arenaOverlap
    /// Slices start where they started when the plan was made.
    case fixedSliceStart
    /// Views of coordinates and random bits begin at the first element.
    case droppedDerivedOffset
    /// Fused instructions run in another order.
    case fusionOrder
    /// A group meets its own value under another view and takes it as it is.
    case viewTakenWhole
    /// A kernel that needs contiguous elements gets strided ones.
    case missingMaterialization
    /// Beside a broadcast axis the next one stands still too.
    case wrongBroadcastStride
    /// The key of a plan lacks the axes of a flip.
    case keyWithoutAttribute
    /// A number goes to its neighbour's place.
    case swappedScalars
    /// A reduction writes its kept axes in another order.
    case reducedAxesSwapped

    /// The bug that is in force; nil but in the self-test.
    nonisolated(unsafe) package static var planted: PlannedBug?
}
