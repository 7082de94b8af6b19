/// Numbers for nodes, from 0 in the order they are met: open addressing by address, since a derivative looks up every operand, and
/// the library's own hashing takes as long as recording a node does. Whoever uses one holds the nodes.
struct NodeTable {
    private var keys: [UInt]
    private var numbers: [Int32]
    private(set) var count = 0

    init() {
        keys = Array(repeating: 0, count: 64)
        numbers = Array(repeating: 0, count: 64)
    }

    /// Numbers as the nodes' positions.
    init(_ nodes: [Node]) {
        var capacity = 64
        while capacity < nodes.count * 2 { capacity *= 2 }
        keys = Array(repeating: 0, count: capacity)
        numbers = Array(repeating: 0, count: capacity)
        for index in nodes.indices { insert(ObjectIdentifier(nodes[index])) }
    }

    private static func slot(_ key: UInt, _ mask: Int) -> Int {
        // Addresses are multiples of 16: the product's upper bits depend on all of theirs.
        Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) >> 32) & mask
    }

    private func place(_ key: UInt) -> Int {
        let mask = keys.count - 1
        var slot = NodeTable.slot(key, mask)
        while keys[slot] != 0, keys[slot] != key { slot = (slot + 1) & mask }
        return slot
    }

    /// The number of a node; nil for one that was not met.
    func number(of node: ObjectIdentifier) -> Int? {
        let found = place(UInt(bitPattern: node))
        return keys[found] == 0 ? nil : Int(numbers[found])
    }

    /// True for a node that was not met before; it has a number from then on.
    @discardableResult
    mutating func insert(_ node: ObjectIdentifier) -> Bool {
        let key = UInt(bitPattern: node)
        let found = place(key)
        if keys[found] == key { return false }
        keys[found] = key
        numbers[found] = Int32(count)
        count += 1
        if count * 2 > keys.count { grow() }
        return true
    }

    private mutating func grow() {
        let (oldKeys, oldNumbers) = (keys, numbers)
        keys = Array(repeating: 0, count: oldKeys.count * 2)
        numbers = Array(repeating: 0, count: keys.count)
        for (key, number) in zip(oldKeys, oldNumbers) where key != 0 {
            let found = place(key)
            keys[found] = key
            numbers[found] = number
        }
    }
}
