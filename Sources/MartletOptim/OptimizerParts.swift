import MartletNN
import MartletTensor

// The state of an optimizer that is made of others holds theirs under a prefix each.

extension Optimizer.State {
    /// Adds a part's tensors, each by its name behind the prefix, and `step_count` where the part took more or fewer steps than the
    /// whole: it may have trained before it became a part.
    mutating func add(_ part: Self, as prefix: String) {
        for (name, tensor) in part.tensors { tensors[prefix + name] = tensor }
        if part.stepCount != stepCount {
            tensors[prefix + "step_count"] = onNoDevice { Tensor.full([], part.stepCount, dtype: .float64) }
        }
    }

    /// The state of the part with this prefix.
    func part(_ prefix: String, learningRates: [Double]) throws(StateDictionaryError) -> Self {
        var part = Self(tensors: [:], stepCount: stepCount, learningRates: learningRates)
        for (name, tensor) in tensors where name.hasPrefix(prefix) {
            part.tensors[String(name.dropFirst(prefix.count))] = tensor
        }
        guard let steps = part.tensors.removeValue(forKey: "step_count") else { return part }
        guard steps.elementCount == 1 else {
            var error = StateDictionaryError()
            error.misshapen = ["\(prefix)step_count (expected one number, found the shape \(steps.shape))"]
            throw error
        }
        part.stepCount = steps.item(as: Double.self)
        return part
    }
}
