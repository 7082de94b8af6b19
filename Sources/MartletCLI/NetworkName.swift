import ArgumentParser
import Martlet

/// Networks whose layers, memory and time the command shows: those it trains, and the classic ones on photographs.
enum NetworkName: String, ExpressibleByArgument, CaseIterable {
    case lenet5, mlp, cnn, alexnet, vgg16, resnet50, googlenet

    /// As it is written.
    var title: String {
        switch self {
        case .lenet5: ModelName.lenet5.title
        case .mlp: ModelName.mlp.title
        case .cnn: ModelName.cnn.title
        case .alexnet: "AlexNet"
        case .vgg16: "VGG-16"
        case .resnet50: "ResNet-50"
        case .googlenet: "GoogLeNet"
        }
    }

    /// A network with weights drawn from the generator.
    func make() -> any Layer {
        switch self {
        case .lenet5: ModelName.lenet5.make()
        case .mlp: ModelName.mlp.make()
        case .cnn: ModelName.cnn.make()
        case .alexnet: AlexNet()
        case .vgg16: VGG(depth: 16)
        case .resnet50: ResNet(depth: 50)
        case .googlenet: GoogLeNet(auxiliary: false)
        }
    }

    /// Channels, height and width of the images.
    var imageSizes: [Int] { isClassic ? [3, 224, 224] : [1, 28, 28] }

    /// Classes told apart.
    var classCount: Int { isClassic ? 1000 : 10 }

    private var isClassic: Bool {
        switch self {
        case .lenet5, .mlp, .cnn: false
        case .alexnet, .vgg16, .resnet50, .googlenet: true
        }
    }
}
