import MartletData
import MartletTensor

/// Labels of mixed pictures.
enum BatchLabels {
    static func problem(_ alpha: Double, _ numClasses: Int?) -> String? {
        alpha > 0 && numClasses ?? 1 > 0
            ? nil : "alpha and num_classes are above 0, they are \(alpha) and \(numClasses ?? 0)"
    }

    /// The labels as probabilities of classes.
    ///
    /// - Throws: `DataError` where a label is no class, or where the number of classes must be known and is not.
    static func probabilities(_ batch: Batch, _ numClasses: Int?, _ name: String) throws -> Tensor {
        let labels = batch.labels
        if labels.shape.rank == 2 {
            guard numClasses == nil || numClasses == labels.shape.sizes[1] else {
                throw DataError(
                    dataset: name, field: "labels", expected: "probabilities of \(numClasses ?? 0) classes",
                    found: "\(labels.shape)")
            }
            return labels.dtype.isFloatingPoint ? labels : labels.to(dtype: .float32)
        }
        guard labels.shape.rank == 1, !labels.dtype.isFloatingPoint, let numClasses else {
            throw DataError(
                dataset: name, field: "labels",
                expected: "classes, and num_classes with them, or probabilities [count, classes]",
                found: "\(labels.dtype) \(labels.shape), num_classes \(numClasses.map { "\($0)" } ?? "not given")")
        }
        for (place, label) in labels.array(as: Int.self).enumerated() where !(0..<numClasses ~= label) {
            throw DataError(
                dataset: name, field: "labels", index: batch.indices[place], expected: "a class below \(numClasses)",
                found: "\(label)")
        }
        return labels.oneHot(classes: numClasses)
    }

    /// `share` of each label and the rest of the one before it.
    static func mixed(_ labels: Tensor, _ share: Double) -> Tensor {
        labels.roll(by: 1, axis: 0) * (1 - share) + labels * share
    }
}
