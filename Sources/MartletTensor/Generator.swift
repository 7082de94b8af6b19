import MartletGraph

/// A source of random numbers: counter-based Philox4x32-10, so that key and counter are plain data.
///
/// Bits, uniforms, Bernoulli draws and permutations are the same on every backend and for any number of threads. Each
/// draw takes a stream of its own, whatever its size.
///
/// `@unchecked Sendable`: the counter is touched under `lock` only.
public final class Generator: @unchecked Sendable {
    private let lock = Lock()
    private var key: UInt64
    private var draws: UInt64 = 0

    /// A generator whose draws follow from the seed alone.
    public init(seed: UInt64) { key = Generator.mixed(seed) }

    /// What a checkpoint stores: the generator continues from here bit by bit.
    public struct State: Codable, Hashable, Sendable {
        /// What all draws depend on, made from the seed.
        public var key: UInt64
        /// Draws made with this key.
        public var draws: UInt64
        /// A state of these parts.
        public init(key: UInt64, draws: UInt64) {
            self.key = key
            self.draws = draws
        }

        /// The state after more draws.
        package func advanced(by count: UInt64) -> State { State(key: key, draws: draws + count) }
    }

    /// Where the generator stands; setting it continues from there.
    public var state: State {
        get { lock.withLock { State(key: key, draws: draws) } }
        set {
            lock.withLock {
                key = newValue.key
                draws = newValue.draws
            }
        }
    }

    /// Counts draws; gives the state before them.
    package func advance(by count: UInt64) -> State {
        lock.withLock {
            defer { draws += count }
            return State(key: key, draws: draws)
        }
    }

    /// Starts over from a seed.
    public func seed(_ seed: UInt64) {
        if StateRecorder.current != nil {
            stop(
                "compile: a generator was seeded inside the compiled function; seed it before the call, or use "
                    + "withGenerator(seed:)")
        }
        lock.withLock {
            key = Generator.mixed(seed)
            draws = 0
        }
    }

    /// A generator of its own for a child task or a loader's worker, given by this one's key and an index.
    public func split(_ index: UInt64) -> Generator {
        let child = Generator(seed: 0)
        child.state = Generator.split(state, index)
        return child
    }

    /// Where a child of a generator that stands at `parent` begins.
    package static func split(_ parent: State, _ index: UInt64) -> State {
        State(key: mixed(parent.key ^ mixed(index &+ 1) ^ parent.draws &* 0x9E37), draws: 0)
    }

    /// The key and the start of the next stream, and one draw counted.
    package func nextStream() -> (key: UInt64, start: UInt64) {
        lock.withLock {
            defer { draws += 1 }
            return Generator.stream(State(key: key, draws: draws))
        }
    }

    /// Elements a stream has room for: two to the 36th.
    private static let streamBits: UInt64 = 36
    private static let streamsPerKey: UInt64 = 1 << 27

    /// The key and start of the stream that `draws` draws have led to.
    package static func stream(_ state: State) -> (key: UInt64, start: UInt64) {
        let lap = state.draws / streamsPerKey
        let key = lap == 0 ? state.key : mixed(state.key &+ lap)
        return (key, (state.draws % streamsPerKey) << streamBits)
    }

    /// SplitMix64's finaliser: neighbouring seeds give unrelated keys.
    private static func mixed(_ value: UInt64) -> UInt64 {
        var z = value &+ 0x9E37_79B9_7F4A_7C15
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// The generator of this task: the process's own unless `withGenerator` set another.
    public static var current: Generator { local ?? process }

    @TaskLocal fileprivate static var local: Generator?
    private static let process = Generator(seed: UInt64.random(in: 0...UInt64.max))
}

/// Seeds the generator of this task.
public func manualSeed(_ seed: UInt64) { Generator.current.seed(seed) }

/// Runs `body` with a generator of its own.
public func withGenerator<Result>(seed: UInt64, _ body: () throws -> Result) rethrows -> Result {
    let own = Generator(seed: seed)
    StateRecorder.current?.begin(own)
    return try Generator.$local.withValue(own, operation: body)
}

/// Runs `body` with the task's generator split by `index`: what each of several child tasks begins with, so that its draws
/// follow from the seed and its index, whoever is scheduled first.
///
///     await withTaskGroup { group in
///         for index in 0..<8 { group.addTask { withGenerator(splitFor: index) { Tensor.randn([3]) } } }
///     }
///
/// A child task that does not say its index inherits its parent's generator and takes turns with it.
public func withGenerator<Result>(splitFor index: Int, _ body: () throws -> Result) rethrows -> Result {
    let parent = Generator.current
    let own = parent.split(UInt64(truncatingIfNeeded: index))
    StateRecorder.current?.begin(own, splitFrom: parent, UInt64(truncatingIfNeeded: index))
    return try withGenerator(own, body)
}

/// Runs `body` with the task's generator split by `index`, which its child tasks inherit.
public func withGenerator<Result>(splitFor index: Int, _ body: () async throws -> Result) async rethrows -> Result {
    let own = Generator.current.split(UInt64(truncatingIfNeeded: index))
    return try await Generator.$local.withValue(own, operation: body)
}

/// Runs `body` with `generator` as the task's.
package func withGenerator<Result>(_ generator: Generator, _ body: () throws -> Result) rethrows -> Result {
    try Generator.$local.withValue(generator, operation: body)
}

/// Runs `body` with a generator of its own, which its child tasks inherit.
public func withGenerator<Result>(seed: UInt64, _ body: () async throws -> Result) async rethrows -> Result {
    try await Generator.$local.withValue(Generator(seed: seed), operation: body)
}
