import MartletCPU
import MartletRuntime
import MartletTesting

/// Plants bugs in the planner one by one: each must be caught.
enum SelfTest {
    /// True where every bug was caught within `graphs` graphs.
    static func run(graphs: Int) -> Bool {
        // Without a bug none may fail, else catching says nothing.
        let sound = (1...UInt64(graphs)).allSatisfy { FuzzCheck.failure(of: FuzzGenerator.script(seed: $0)) == nil }
        guard sound else {
            print("a graph fails without a planted bug: run martlet-fuzz first")
            return false
        }
        var all = true
        for bug in PlannedBug.allCases {
            if bug == .stalePack, CPUBackend.shared.engine == nil {
                print("\(bug): not tried, since only the engine packs weights ('make engines' fetches it)")
                continue
            }
            PlannedBug.planted = bug
            let caught = (0..<graphs).first { FuzzCheck.failure(of: FuzzGenerator.script(seed: UInt64($0) + 1)) != nil }
            PlannedBug.planted = nil
            PlanCache.shared.removeAll()
            if let caught {
                print("\(bug): caught by graph \(caught + 1)")
            } else {
                print("\(bug): NOT caught in \(graphs) graphs")
                all = false
            }
        }
        return all
    }
}
