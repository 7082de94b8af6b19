import MartletGraph

/// The paths of layers, as the last walk from a root named them: a layer does not know the tree it stands in.
///
/// Kept only while origins are watched.
enum LayerPaths {
    private struct Entry {
        weak var module: (any Module)?
        let path: String
    }

    private static let lock = Lock()
    nonisolated(unsafe) private static var entries: [ObjectIdentifier: Entry] = [:]

    /// Notes the modules of a walk. A walk that begins deeper in the tree knows shorter paths: the longer one stays.
    static func note(_ modules: [(name: String, module: any Module)]) {
        lock.withLock {
            entries = entries.filter { $0.value.module != nil }
            for (path, module) in modules {
                let key = ObjectIdentifier(module)
                if let known = entries[key], known.path.count > path.count { continue }
                entries[key] = Entry(module: module, path: path)
            }
        }
    }

    /// The layer's path; its type where no walk met it.
    static func path(of layer: any Module) -> String {
        let known = lock.withLock { entries[ObjectIdentifier(layer)] }
        if let known, known.module === layer, !known.path.isEmpty { return known.path }
        return "\(type(of: layer))"
    }
}
