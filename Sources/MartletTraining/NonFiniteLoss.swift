/// The loss of a step was infinite or not a number.
public struct NonFiniteLoss: Error, Equatable, Sendable, CustomStringConvertible {
    /// The step, from 1 on.
    public let step: Int
    /// Its epoch, from 1 on.
    public let epoch: Int
    /// The first layer whose output was not finite, by its path; nil where all were and the loss itself overflowed.
    public let layer: String?

    package init(step: Int, epoch: Int, layer: String?) { (self.step, self.epoch, self.layer) = (step, epoch, layer) }

    /// One line: step, epoch, and the layer where there is one.
    public var description: String {
        let place =
            layer.map { "the first layer that gave such a number is \($0)" } ?? "every layer's output was finite"
        return "the loss of step \(step) (epoch \(epoch)) is not a finite number; \(place)"
    }
}
