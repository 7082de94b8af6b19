import MartletGraph
import MartletNN
import MartletRuntime
import MartletTensor

/// Scales the loss so that small gradients survive float16, and finds the scale by itself.
///
///     backward of scale · loss;  g ← g / scale
///     all g finite:   the optimizer's step;  after `growthInterval` such steps in a row  scale ← scale · growthFactor
///     otherwise:      no step at all;        scale ← scale · backoffFactor
///
/// One scaler belongs to one optimizer:
///
///     let scaler = LossScaler(optimizer)
///     let step = compile(updating: model, optimizer, scaler) { (x: Tensor, y: Tensor) in
///         optimizer.zeroGradients()
///         let loss = autocast(.float16) { crossEntropy(model(x), y) }
///         scaler.backward(loss)
///         scaler.step()
///         return loss
///     }
///     for batch in loader {
///         _ = step(batch.inputs, batch.labels)
///         scaler.update()
///     }
///
/// `step()` reads nothing: that a step is skipped is a choice in its plan, and leaves parameters and state as they were,
/// bit for bit. The choice is a pass over each of them beside the optimizer's own. `update()` reads that one answer after the
/// step, takes back the counts of a skipped one and the state that it began, and sets the scale; the scale is an argument of
/// the plan, which is not made anew. Between backward and step `unscale()` gives gradients that can be clipped. bfloat16 has
/// float32's range and needs none of this.
///
/// Source: P. Micikevicius et al., "Mixed precision training" (2018), section 3.2, in the form of torch.amp.GradScaler, whose
/// defaults it has.
public final class LossScaler: StateHolder {
    /// What takes the steps.
    public let optimizer: Optimizer
    /// What the scale is multiplied by after `growthInterval` steps in a row.
    public let growthFactor: Double
    /// What the scale is multiplied by after a step that was skipped.
    public let backoffFactor: Double
    /// The steps in a row after which the scale grows.
    public let growthInterval: Int
    private let factor: StateNumber
    /// Steps since the last `update()`.
    private let pending = StateNumber(0)
    private var goodSteps = 0
    /// 0 where the last step was taken, else the number, from 1 on, of the record of what to take back.
    private let verdict = StateSlot()
    private var records: [StepRecord] = []
    /// Between `unscale()` and `step()`: whether all gradients are finite.
    private var areFinite: Tensor?

    /// A scaler of an optimizer's gradients.
    ///
    /// - Parameters:
    ///   - optimizer: what takes the steps; not one that takes several gradients for one.
    ///   - scale: the first scale.
    ///   - growthFactor: what the scale is multiplied by after `growthInterval` good steps; above 1.
    ///   - backoffFactor: what it is multiplied by after a skipped step; below 1.
    ///   - growthInterval: the good steps in a row after which it grows.
    public init(
        _ optimizer: Optimizer, scale: Double = 65_536, growthFactor: Double = 2, backoffFactor: Double = 0.5,
        growthInterval: Int = 2000
    ) {
        guard !optimizer.evaluatesRepeatedly else {
            stop("LossScaler: \(type(of: optimizer)) takes several gradients for a step, the scaler one")
        }
        guard scale > 0, growthFactor > 1, (0..<1).contains(backoffFactor), growthInterval > 0 else {
            stop(
                "LossScaler: expected a scale above 0, a growth factor above 1, a backoff factor below 1 and a growth "
                    + "interval of at least 1; found \(scale), \(growthFactor), \(backoffFactor) and \(growthInterval)")
        }
        self.optimizer = optimizer
        (self.growthFactor, self.backoffFactor) = (growthFactor, backoffFactor)
        self.growthInterval = growthInterval
        factor = StateNumber(Double(Float(scale)))
    }

    /// What losses are multiplied by now.
    public var scale: Double { factor.current }

    /// The same as an argument of a plan, float64 `[]`.
    package var scaleTensor: Tensor { Tensor(factor.value()) }

    /// A loss times the scale, in float32 at least.
    public func scaled(_ loss: Tensor) -> Tensor {
        let working = DataType.promoted(loss.dtype, .float32)
        return loss.to(dtype: working) * Tensor(factor.value().cast(to: working))
    }

    /// Collects the gradients of a loss times the scale.
    public func backward(_ loss: Tensor) { scaled(loss).backward() }

    /// Divides the optimizer's gradients by the scale, and notes whether they are finite: what to call before clipping.
    /// `step()` does it where nobody has.
    public func unscale() {
        guard areFinite == nil else {
            stop("LossScaler.unscale(): the gradients are unscaled already; step() comes next")
        }
        withoutGradient {
            // float32 as in the peer, whose scales it rounds like.
            let inverse = factor.value { Double(Float(1 / $0)) }
            var checks: [Tensor] = []
            for parameter in optimizer.groups.flatMap(\.parameters) {
                guard let gradient = parameter.gradient else { continue }
                guard gradient.dtype != .float16 else {
                    stop(
                        "LossScaler.unscale(): a gradient is of float16, where it could vanish; keep parameters in float32 "
                            + "and call the model inside autocast(.float16)")
                }
                // Element by element: a sum of squares, which clipping takes in one pass, is infinite in float32 from a norm of
                // 1.8e19 on, and the peer still steps there.
                checks.append(gradient.isFinite().all())
                parameter.gradient = gradient * Tensor(inverse.cast(to: gradient.dtype))
            }
            areFinite = checks.dropFirst().reduce(checks.first ?? Tensor(true)) { $0 .& $1 }
        }
    }

    /// Takes the optimizer's step where all gradients are finite, and none otherwise.
    ///
    /// - Parameter keepingGradients: false forgets the gradients with the step.
    public func step(keepingGradients: Bool = true) {
        if Origin.isWatched { Origin("LossScaler.step").around { record() } } else { record() }
        if !keepingGradients { optimizer.zeroGradients() }
        do { try Flush.all() } catch { stop("LossScaler.step(): \(error)") }
    }

    private func record() {
        if areFinite == nil { unscale() }
        guard let areFinite else { return }
        self.areFinite = nil
        withoutGradient {
            let gradients = Set(optimizer.groups.flatMap(\.parameters).map { ObjectIdentifier($0.box.slot) })
            let slots = optimizer.stateSlots.filter { !gradients.contains(ObjectIdentifier($0)) }
            let (before, countsBefore) = (slots.map(\.tensor), counts)
            optimizer.record()
            var record = StepRecord()
            for (slot, old) in zip(slots, before) {
                guard let new = slot.tensor, new.value.node !== old?.value.node else { continue }
                if let old {
                    slot.tensor = `where`(areFinite, new, old)
                } else {
                    record.filled.append(slot)
                }
            }
            for (number, (old, new)) in zip(optimizer.stateNumbers, zip(countsBefore, counts)) where new != old {
                record.counted.append((number, new - old))
            }
            verdict.tensor = `where`(areFinite, Tensor(0.0), Tensor(Double(place(of: record))))
            pending.add(1)
        }
    }

    /// The optimizer's numbers; inside `compile`, what the trace has added to them.
    private var counts: [Double] {
        guard let recorder = StateRecorder.current else { return optimizer.stateNumbers.map(\.current) }
        return optimizer.stateNumbers.map { recorder.additions[ObjectIdentifier($0)]?.total ?? 0 }
    }

    /// The number of a record: every plan that steps has its own, and most have the same.
    private func place(of record: StepRecord) -> Int {
        if let known = records.firstIndex(where: { $0 == record }) { return known + 1 }
        records.append(record)
        return records.count
    }

    /// Ends a step: sees whether it was taken, and sets the scale of the next one. Call it after each step, and after the
    /// call where the step is in a compiled function.
    ///
    /// - Returns: false where the step was skipped.
    @discardableResult
    public func update() -> Bool {
        guard StateRecorder.current == nil else {
            stop("LossScaler.update(): it reads whether the step was taken; call it after the compiled function")
        }
        guard pending.current == 1, let verdict = verdict.tensor?.item(as: Double.self) else {
            stop(
                "LossScaler.update(): one step() is expected since the last update, there were \(Int(pending.current))")
        }
        pending.current = 0
        if verdict == 0 {
            goodSteps += 1
            guard goodSteps == growthInterval else { return true }
            goodSteps = 0
            multiply(by: growthFactor)
            return true
        }
        goodSteps = 0
        records[Int(verdict) - 1].takeBack()
        multiply(by: backoffFactor)
        return false
    }

    /// A scale is a float32, as the peer's; one that would be infinite is not taken.
    private func multiply(by amount: Double) {
        let next = Double(Float(factor.current * amount))
        if next.isFinite { factor.current = next }
    }

    // MARK: State

    /// Whether the last step was taken.
    public var stateSlots: [StateSlot] { [verdict] }
    /// The scale, and the steps since the last `update()`.
    public var stateNumbers: [StateNumber] { [factor, pending] }

    /// What a checkpoint keeps, between `update()` and the next step.
    public struct State: Codable, Hashable, Sendable {
        /// What losses are multiplied by.
        public var scale: Double
        /// The good steps in a row since the scale changed.
        public var goodSteps: Int

        /// A state of these parts.
        public init(scale: Double, goodSteps: Int) { (self.scale, self.goodSteps) = (scale, goodSteps) }
    }

    /// The scale and the steps since it changed.
    public var state: State { State(scale: scale, goodSteps: goodSteps) }

    /// Continues from a saved state; nothing changes where it is none.
    public func load(_ state: State) throws(StateDictionaryError) {
        var error = StateDictionaryError()
        if !(state.scale > 0 && state.scale.isFinite) {
            error.misshapen.append("scale (expected a number above 0, found \(state.scale))")
        }
        if !(0..<growthInterval).contains(state.goodSteps) {
            error.misshapen.append("goodSteps (expected 0 to \(growthInterval - 1), found \(state.goodSteps))")
        }
        if error != StateDictionaryError() { throw error }
        factor.current = state.scale
        goodSteps = state.goodSteps
        pending.current = 0
    }
}

/// What a step changes besides values: to be taken back where it turns out to have been skipped.
private struct StepRecord: Equatable {
    /// Places that were empty before.
    var filled: [StateSlot] = []
    /// Numbers that went up.
    var counted: [(number: StateNumber, amount: Double)] = []

    func takeBack() {
        for slot in filled { slot.tensor = nil }
        for (number, amount) in counted { number.current -= amount }
    }

    static func == (a: StepRecord, b: StepRecord) -> Bool {
        a.filled.elementsEqual(b.filled, by: ===)
            && a.counted.elementsEqual(b.counted) { $0.number === $1.number && $0.amount == $1.amount }
    }
}
