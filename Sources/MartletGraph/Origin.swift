import Synchronization

/// Where in a network something was recorded: the path of the layer that was being called (`layer1.0.conv1`), or what else
/// ran (`Adam.step`). Outside every key: the same plan serves layers of the same shapes, under the name it was made for.
package struct Origin: Hashable, Sendable, CustomStringConvertible {
    private let index: UInt32

    /// Nothing is known.
    package static var none: Origin { Origin(index: 0) }

    private init(index: UInt32) { self.index = index }

    package init(_ path: String) { index = Origin.names.index(of: path) }

    package var description: String { Origin.names.name(index) }

    /// True while somebody reads origins (the plan log, a profile): layers then say which one is being called.
    package static var isWatched: Bool {
        get { watched.load(ordering: .relaxed) }
        set { watched.store(newValue, ordering: .relaxed) }
    }

    private static let watched = Atomic<Bool>(false)
    private static let names = Names()

    /// Runs `body` with what it records coming from here.
    package func around<Result>(_ body: () throws -> Result) rethrows -> Result {
        try Modes.with({ $0.origin = self }, body)
    }
}

/// Names by small numbers, so that a node carries four bytes.
///
/// `@unchecked Sendable`: everything is touched under `lock`.
private final class Names: @unchecked Sendable {
    private let lock = Lock()
    private var names = [""]
    private var indices: [String: UInt32] = ["": 0]

    func index(of name: String) -> UInt32 {
        lock.withLock {
            if let known = indices[name] { return known }
            names.append(name)
            indices[name] = UInt32(names.count - 1)
            return UInt32(names.count - 1)
        }
    }

    func name(_ index: UInt32) -> String { lock.withLock { names[Int(index)] } }
}
