import MartletGraph
import MartletNN
import MartletVision

/// A network that is known by name: those of the notes on 28 by 28 pixels, and the classic ones on photographs.
public struct NamedNetwork: Sendable {
    /// The name in recipes and on the command line.
    public let name: String
    /// As it is written.
    public let title: String
    /// The shape of one sample that it is usually shown.
    public let input: Shape
    /// The classes that it tells apart unless asked for others.
    public let classes: Int
    private let build: @Sendable (_ classes: Int) -> any Layer

    /// The network for so many classes, its weights drawn from the generator.
    public func make(classes: Int? = nil) -> any Layer { build(classes ?? self.classes) }

    /// True where the number of classes can be chosen.
    public var takesClasses: Bool { input.sizes[0] == 3 }

    /// What a sample must be for the network; nil where one of this shape fits.
    func misfit(_ shape: Shape) -> String? {
        guard takesClasses else { return shape.elementCount == 784 ? nil : "samples of 28 by 28 pixels" }
        return shape.rank == 3 && shape[0] == 3 ? nil : "samples of 3 channels, height and width"
    }

    /// Every network.
    public static let all = small + others + vgg + resnet

    /// The network of a name.
    public static func find(_ name: String) -> NamedNetwork? { all.first { $0.name == name } }

    private static let small = [
        NamedNetwork(name: "lenet5", title: "LeNet-5", input: [1, 28, 28], classes: 10) { _ in LeNet5() },
        NamedNetwork(name: "mlp", title: "MLP 784-128-10", input: [1, 28, 28], classes: 10) { _ in MLP() },
        NamedNetwork(name: "cnn", title: "The notes' CNN", input: [1, 28, 28], classes: 10) { _ in NotesCNN() },
    ]

    private static let others = [
        classic("alexnet", "AlexNet") { AlexNet(classes: $0) },
        classic("googlenet", "GoogLeNet") { GoogLeNet(classes: $0, auxiliary: false) },
    ]

    private static let vgg = [11, 13, 16, 19].flatMap { depth in
        [
            classic("vgg\(depth)", "VGG-\(depth)") { VGG(depth: depth, classes: $0) },
            classic("vgg\(depth)_bn", "VGG-\(depth) with batch norm") {
                VGG(depth: depth, batchNorm: true, classes: $0)
            },
        ]
    }

    private static let resnet = [18, 34, 50, 101, 152].map { depth in
        classic("resnet\(depth)", "ResNet-\(depth)") { ResNet(depth: depth, classes: $0) }
    }

    private static func classic(
        _ name: String, _ title: String, _ build: @escaping @Sendable (Int) -> any Layer
    ) -> NamedNetwork {
        NamedNetwork(name: name, title: title, input: [3, 224, 224], classes: 1000, build: build)
    }
}
