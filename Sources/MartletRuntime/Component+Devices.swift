import MartletGraph

// A plan belongs to one device: a component whose nodes lie on several is run as several plans, one after the other, and
// what one reads of another is copied between them.

extension Component {
    /// The one device that every node runs on; nil where that takes a closer look.
    var onlyDevice: Device? {
        var found: Device?
        var hasUncommitted = false
        for index in nodes.indices {
            guard let own = uncounted(nodes[index], { $0.device }) else {
                hasUncommitted = true
                continue
            }
            if let found, found != own { return nil }
            found = own
        }
        guard let found else { return .cpu }
        return hasUncommitted && found != .cpu ? nil : found
    }

    /// Runs each device's nodes as plans of their own, those first that others read.
    func executeByDevice() throws {
        let all = nodes
        var known = marks
        // Whoever finishes the run, or marks it as failed, sees all nodes.
        defer { narrow(to: all, known) }
        let stages = DeviceStages(self)
        for index in all.indices where known[index].isNeeded {
            for operand in operands(of: all[index]) {
                guard let own = self.index(of: operand.node), stages.places[own] != stages.places[index] else {
                    continue
                }
                known[own].kept |= 1 << UInt64(operand.index)
            }
        }
        for (place, members) in stages.groups {
            narrow(to: members.map { all[$0] }, members.map { known[$0] })
            try execute(on: place.device)
        }
    }
}

/// Which device runs each node of a component, and in which order: a node that reads another device's result comes a stage
/// after it.
private struct DeviceStages {
    struct Place: Hashable {
        let stage: Int
        let device: Device
    }
    let places: [Place]

    init(_ component: Component) {
        let isFree = DeviceStages.isFree(component)
        let devices = DeviceStages.devices(component, isFree)
        var stages: [Int] = []
        for index in component.nodes.indices {
            var stage = 0
            for operand in component.operands(of: component.nodes[index]) {
                guard let own = component.index(of: operand.node) else { continue }
                stage = max(stage, stages[own] + (devices[own] == devices[index] ? 0 : 1))
            }
            stages.append(stage)
        }
        // What stands on numbers alone waits for the first that reads it.
        var firstReader = devices.map { _ in Int.max }
        for index in component.nodes.indices.reversed() {
            if isFree[index], firstReader[index] < Int.max { stages[index] = firstReader[index] }
            guard component.marks[index].isNeeded else { continue }
            for operand in component.operands(of: component.nodes[index]) {
                guard let own = component.index(of: operand.node) else { continue }
                // Nothing waits that another device reads: that must come a stage later.
                let reader = devices[own] == devices[index] ? stages[index] : 0
                firstReader[own] = min(firstReader[own], reader)
            }
        }
        places = zip(stages, devices).map { Place(stage: $0, device: $1) }
    }

    /// The nodes of each place, in the order in which they run.
    var groups: [(place: Place, members: [Int])] {
        var members: [Place: [Int]] = [:]
        for (index, place) in places.enumerated() { members[place, default: []].append(index) }
        return members.sorted { ($0.key.stage, $0.value[0]) < ($1.key.stage, $1.value[0]) }.map { ($0.key, $0.value) }
    }

    /// A committed node runs on its device and an uncommitted one on the processor, unless it stands on numbers alone
    /// (zeros, coordinates, random bits): then it is made where it is read.
    private static func devices(_ component: Component, _ isFree: [Bool]) -> [Device] {
        let nodes = component.nodes
        var readers: [Set<Device>] = nodes.map { _ in [] }
        var devices = nodes.map { $0.device ?? .cpu }
        for index in nodes.indices.reversed() {
            if isFree[index], readers[index].count == 1, let reader = readers[index].first { devices[index] = reader }
            guard component.marks[index].isNeeded else { continue }
            for operand in component.operands(of: nodes[index]) {
                if let own = component.index(of: operand.node) { readers[own].insert(devices[index]) }
            }
        }
        return devices
    }

    /// For each node, whether it is uncommitted and stands on numbers alone.
    private static func isFree(_ component: Component) -> [Bool] {
        var isFree: [Bool] = []
        for node in component.nodes {
            isFree.append(
                node.device == nil
                    && component.operands(of: node).allSatisfy { operand in
                        component.index(of: operand.node).map { isFree[$0] } ?? false
                    })
        }
        return isFree
    }
}
