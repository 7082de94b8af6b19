import MartletTensor
import Testing

/// Runs each test with a random generator of its own: the process's is shared with tests that run beside it.
struct OwnGenerator: SuiteTrait, TestTrait, TestScoping {
    var isRecursive: Bool { true }

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        try await withGenerator(seed: 1, function)
    }
}

extension Trait where Self == OwnGenerator {
    static var ownGenerator: OwnGenerator { OwnGenerator() }
}
