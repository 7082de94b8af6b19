// swift-tools-version: 6.2
import PackageDescription

// The floors of docs/architecture.md, lowest first; a target depends on lower floors only.
let optimizedC: [CSetting] = [.unsafeFlags(["-O3", "-ffp-contract=off", "-fno-math-errno"])]
// Debug builds of the kernel rooms stay optimised: unoptimised loops are 60 to 250 times slower.
let optimized: [SwiftSetting] = [.unsafeFlags(["-O"], .when(configuration: .debug))]
// Recording and flushing touch a class's property every few instructions; that nobody else does meanwhile is checked in debug
// builds, tests among them.
let unchecked: [SwiftSetting] = [
    .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release))
]

let package = Package(
    name: "Martlet",
    products: [
        .library(name: "Martlet", targets: ["Martlet"]),
        .library(name: "MartletVision", targets: ["MartletVision"]),
        .library(name: "MartletRecipes", targets: ["MartletRecipes"]),
        .executable(name: "martlet", targets: ["MartletCLI"]),
        .executable(name: "martlet-tune", targets: ["martlet-tune"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    ],
    targets: [
        // Floor 1: C.
        .target(
            name: "CMartletKernels", cSettings: optimizedC,
            linkerSettings: [.linkedLibrary("m"), .linkedLibrary("pthread")]),
        .target(name: "CEngines", cSettings: optimizedC, linkerSettings: [.linkedLibrary("dl")]),
        // Floor 2: the graph.
        .target(name: "MartletGraph", dependencies: ["CMartletKernels"], swiftSettings: optimized + unchecked),
        // Floor 3: from recording to plan.
        .target(name: "MartletRuntime", dependencies: ["MartletGraph"], swiftSettings: optimized + unchecked),
        // Floor 4: backends.
        .target(
            name: "MartletCPU",
            dependencies: ["MartletRuntime", "MartletGraph", "CMartletKernels", "CEngines"],
            swiftSettings: optimized + unchecked),
        // Floor 5: tensors.
        .target(
            name: "MartletTensor", dependencies: ["MartletGraph", "MartletRuntime", "MartletCPU"],
            swiftSettings: unchecked),
        // Floor 6.
        .target(name: "MartletNN", dependencies: ["MartletTensor"], swiftSettings: unchecked),
        .target(name: "MartletFiles", dependencies: ["MartletTensor"]),
        // Floor 7.
        .target(name: "MartletData", dependencies: ["MartletTensor", "MartletFiles"]),
        .target(name: "MartletOptim", dependencies: ["MartletNN"], swiftSettings: unchecked),
        // Floor 8.
        .target(
            name: "MartletTraining",
            dependencies: ["MartletNN", "MartletOptim", "MartletData", "MartletFiles"]),
        .target(
            name: "MartletVision",
            dependencies: ["MartletNN", "MartletData", "MartletFiles", "CMartletKernels", "CEngines"]),
        // Floor 9: the umbrella.
        .target(
            name: "Martlet",
            dependencies: [
                "MartletTensor", "MartletNN", "MartletFiles", "MartletData", "MartletOptim",
                "MartletTraining", "MartletVision",
            ]),
        // Floor 9, beside the umbrella: what brings a library that no other room needs.
        .target(
            name: "MartletRecipes",
            dependencies: ["MartletTraining", "MartletVision", .product(name: "Yams", package: "Yams")]),
        .target(
            name: "MartletTuning",
            dependencies: [
                "MartletRecipes", "MartletTraining", "MartletData", "MartletFiles",
                .product(name: "GRDB", package: "GRDB.swift"),
            ]),
        // Floor 10: the command, and what measures and torments the house.
        .executableTarget(
            name: "MartletCLI",
            dependencies: [
                "Martlet", "MartletRecipes", "MartletCPU",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ]),
        .executableTarget(
            name: "martlet-tune",
            dependencies: [
                "MartletTuning", "MartletRecipes", "MartletTraining", "MartletFiles",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Sources/MartletTune"),
        .executableTarget(
            name: "martlet-bench", dependencies: ["Martlet", "MartletTesting", "MartletCPU"],
            path: "Sources/MartletBench"),
        .executableTarget(
            name: "martlet-fuzz", dependencies: ["MartletTesting", "MartletTensor", "MartletCPU"],
            path: "Sources/MartletFuzz"),
        // Beside the floors: what tests share.
        .target(
            name: "MartletTesting",
            dependencies: [
                "MartletGraph", "MartletRuntime", "MartletCPU", "MartletTensor", "MartletNN", "MartletFiles",
            ]),
        .testTarget(name: "MartletGraphTests", dependencies: ["MartletGraph", "MartletTesting"]),
        .testTarget(name: "MartletRuntimeTests", dependencies: ["MartletRuntime", "MartletTesting"]),
        .testTarget(name: "MartletCPUTests", dependencies: ["MartletCPU", "MartletOptim", "MartletTesting"]),
        .testTarget(name: "MartletTensorTests", dependencies: ["MartletTensor", "MartletTesting"]),
        .testTarget(name: "MartletNNTests", dependencies: ["MartletNN", "MartletTesting"]),
        .testTarget(name: "MartletFilesTests", dependencies: ["MartletFiles", "MartletTesting"]),
        .testTarget(name: "MartletDataTests", dependencies: ["MartletData", "MartletTesting"]),
        .testTarget(name: "MartletOptimTests", dependencies: ["MartletOptim", "MartletTesting"]),
        .testTarget(name: "MartletVisionTests", dependencies: ["MartletVision", "MartletTesting"]),
        .testTarget(name: "MartletTrainingTests", dependencies: ["MartletTraining", "MartletTesting"]),
        .testTarget(name: "MartletRecipesTests", dependencies: ["MartletRecipes", "MartletTesting"]),
        .testTarget(name: "MartletTuningTests", dependencies: ["MartletTuning", "MartletTesting"]),
        .testTarget(name: "MartletCLITests", dependencies: ["MartletCLI", "MartletTesting"]),
        // Programs that users write, built unchanged; ProgramsTests runs them and reads what they print.
        .executableTarget(name: "program-01", dependencies: ["Martlet"], path: "Examples/01-tensors"),
        .executableTarget(name: "program-02", dependencies: ["Martlet"], path: "Examples/02-autograd"),
        .executableTarget(name: "program-03", dependencies: ["Martlet"], path: "Examples/03-train"),
        .executableTarget(name: "program-04", dependencies: ["Martlet"], path: "Examples/04-cnn"),
        .executableTarget(
            name: "program-05", dependencies: ["Martlet", "MartletVision"], path: "Examples/05-residual"),
        .executableTarget(name: "program-06", dependencies: ["Martlet"], path: "Examples/06-data"),
        .testTarget(
            name: "ProgramsTests",
            dependencies: [
                "Martlet", "MartletVision", "MartletTesting", "program-01", "program-02", "program-03", "program-04",
                "program-05", "program-06",
            ]),
    ],
    swiftLanguageModes: [.v6]
)
