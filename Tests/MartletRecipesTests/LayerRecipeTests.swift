import MartletNN
import MartletTensor
import Testing

@testable import MartletRecipes

@Suite("Layers of a recipe")
struct LayerRecipeTests {
    private func model(_ layers: String, input: Shape) throws -> any Layer {
        try Recipe("model:\n  layers: \(layers)\n", file: "r.yaml").model.make(input: input)
    }

    @Test("inputs follow from what comes before")
    func shapes() throws {
        let network = try model(
            "[{Conv2d: {out: 4, kernel_size: 3, padding: same}}, BatchNorm, ReLU, MaxPool2d, {Conv2d: {out: 6, stride: 2}}, Flatten, {Linear: 5}]",
            input: [3, 12, 12])
        #expect(network.parameters.map(\.shape) == [[4, 3, 3, 3], [4], [4], [4], [6, 4, 3, 3], [6], [5, 24], [5]])
        #expect(network(Tensor.zeros([2, 3, 12, 12])).shape == [2, 5])
        #expect(network.modeSwitches.filter { !$0.isTraining }.isEmpty)
    }

    @Test("repeated layers have weights of their own")
    func repetition() throws {
        let network = try model("[{Repeat: {times: 3, layers: [{Linear: 8}, Sigmoid]}}, {Linear: 2}]", input: [4])
        #expect(network.parameters.map(\.shape) == [[8, 4], [8], [8, 8], [8], [8, 8], [8], [2, 8], [2]])
    }

    @Test("a layer that does not fit what comes in is named, with its line")
    func misfits() throws {
        for (layers, input, message) in [
            (
                "[{Conv2d: 4}]", [784],
                "r.yaml:2: model.layers.0.Conv2d: expected channels and 2 axes of space to come in"
            ),
            ("[{Conv2d: {out: 4, kernel_size: 5}}]", [1, 4, 4], "at least 5 positions an axis"),
            ("[{Conv2d: {out: 4, groups: 2}}]", [3, 8, 8], "channels that 2 groups divide"),
            ("[MaxPool2d]", [10], "channels, height and width"), ("[{GroupNorm: 3}]", [4, 2, 2], "3 groups divide"),
        ] as [(String, [Int], String)] {
            let error = #expect(throws: RecipeError.self) { try model(layers, input: Shape(input)) }
            #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
        }
        let named = #expect(throws: RecipeError.self) { try Recipe("model: resnet18").model.make(input: [1, 28, 28]) }
        #expect(named?.description.contains("samples of 3 channels, height and width for ResNet-18") == true)
    }

    @Test("every kind of layer that needs no settings is made and runs")
    func plainKinds() throws {
        for kind in LayerKinds.all {
            guard let network = try? model("[\(kind.name)]", input: [4, 6, 6]) else { continue }
            let isFinite = network(Tensor.randn([2, 4, 6, 6])).isFinite().all().item(as: Bool.self)
            #expect(isFinite, "\(kind.name)")
        }
    }
}
