import Foundation
import MartletTesting

let options: FuzzOptions
do { options = try FuzzOptions(CommandLine.arguments.dropFirst()) } catch {
    print(error)
    exit(2)
}
if options.selftest {
    exit(SelfTest.run(graphs: options.count ?? 2000) ? 0 : 1)
}
exit(FuzzSession(options).run() ? 0 : 1)
