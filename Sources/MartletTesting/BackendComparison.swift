import MartletGraph
import MartletRuntime
import MartletTensor

/// Runs a function of arrays on every backend and by the primitives' own rules, without a plan, and says where they differ:
/// one suite for every backend.
package struct BackendComparison {
    package typealias Function = ([Value]) throws(ShapeError) -> [Value]

    /// How far results may be apart.
    package enum Bound: Sendable {
        case exact
        /// In units of the last place of the result's type, element by element.
        case units(Double)
        /// Relative to the largest element, or to 1.
        case scaled(Double)
    }

    /// The devices that have a backend in this process.
    package static var devices: [Device] {
        Runtime.start()
        return Backends.devices
    }

    private let name: String
    private let inputs: [HostArray]
    private let function: Function

    package init(_ name: String, _ inputs: [HostArray], _ function: @escaping Function) {
        self.name = name
        self.inputs = inputs
        self.function = function
    }

    /// What differs, over devices and every layout of the inputs in memory; empty where all agree.
    package func failures(_ bound: Bound, on devices: [Device] = BackendComparison.devices) -> [String] {
        do {
            let expected = try ReferenceEvaluation.run(on: inputs) { recorded($0) }
            var found: [String] = []
            for device in devices {
                for layout in 0..<HostMemory.layoutCount {
                    for (index, (actual, wanted)) in zip(try results(on: device, layout), expected).enumerated() {
                        guard let words = actual.difference(from: wanted, bound) else { continue }
                        let types = inputs.map { "\($0.type)" }.joined(separator: ", ")
                        found.append("\(name)(\(types)) on \(device), layout \(layout), result \(index): \(words)")
                    }
                }
            }
            return found
        } catch { return ["\(name): \(error)"] }
    }

    /// The words with which a device, or the reference evaluation where there is none, refuses the inputs; nil where it does not.
    package func refusal(on device: Device? = nil) -> String? {
        do {
            if let device {
                _ = try results(on: device, 0)
            } else {
                _ = try ReferenceEvaluation.run(on: inputs) { recorded($0) }
            }
            return nil
        } catch { return "\(error)" }
    }

    private func results(on device: Device, _ layout: Int) throws -> [HostArray] {
        try Recording.with(Recording()) {
            let leaves = inputs.map { HostMemory.leaf($0, layout: layout, device: device) }
            return try recorded(leaves).map { TensorHandle($0) }.map { try HostMemory.array($0.value) }
        }
    }

    private func recorded(_ values: [Value]) -> [Value] {
        do throws(ShapeError) { return try function(values) } catch { stop(error.description) }
    }
}

extension HostArray {
    fileprivate func difference(from expected: HostArray, _ bound: BackendComparison.Bound) -> String? {
        switch bound {
        case .exact: return difference(from: expected)
        case .scaled(let relative): return difference(from: expected, relative: relative)
        case .units(let units):
            guard type == expected.type else { return "\(type) instead of \(expected.type)" }
            for (index, (found, wanted)) in zip(reals, expected.reals).enumerated() where found != wanted {
                if found.isNaN && wanted.isNaN { continue }
                let distance = (found - wanted).magnitude / type.dtype.spacing(at: wanted)
                if !(distance <= units) {
                    return "element \(index) is \(found) instead of \(wanted), \(distance) units away"
                }
            }
            return nil
        }
    }
}

extension DataType {
    /// The distance between neighbouring numbers of the type; 1 for integers.
    fileprivate func spacing(at value: Double) -> Double {
        switch self {
        case .float64: value.ulp
        case .float32: Double(Float(value).ulp)
        case .bfloat16: Double(Float(value).ulp) * 65536
        case .float16: Double(Float16(value).ulp)
        case .int8, .uint8, .int32, .int64, .bool: 1
        }
    }
}
