import MartletRuntime

/// What the command line asks for.
struct FuzzOptions {
    var count: Int?
    var seed: UInt64 = 1
    var seconds: Double?
    var selftest = false
    /// Prints the script of the seed instead of running it.
    var prints = false
    /// Threads that run different seeds at the same time, on the same plan cache and memory.
    var threads = 2
    /// The planner's passes that run, in the words of `MARTLET_PASSES`; `random` draws others for each seed.
    var passes = FuzzPasses.usual

    static let usage = """
        usage: martlet-fuzz [--count N] [--seed N] [--seconds N] [--threads N] [--passes random|WORDS] [--print] [--selftest]
        """

    init(_ arguments: some Sequence<String>) throws {
        var iterator = arguments.makeIterator()
        while let name = iterator.next() {
            func number() throws -> UInt64 {
                guard let text = iterator.next(), let value = UInt64(text) else {
                    throw UsageError("\(name) needs a number\n\(FuzzOptions.usage)")
                }
                return value
            }
            switch name {
            case "--count": count = Int(try number())
            case "--seed": seed = try number()
            case "--seconds": seconds = Double(try number())
            case "--threads": threads = max(1, Int(try number()))
            case "--passes":
                guard let words = iterator.next() else {
                    throw UsageError("--passes needs words\n\(FuzzOptions.usage)")
                }
                passes = words == "random" ? .random : .fixed(try PlanPasses(parsing: words))
            case "--selftest": selftest = true
            case "--print": prints = true
            default: throw UsageError("unknown option \(name)\n\(FuzzOptions.usage)")
            }
        }
    }
}

struct UsageError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
