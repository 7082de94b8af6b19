import MartletNN
import MartletTensor
import MartletVision
import Testing

@Suite struct NetworksTests {
    @Test func `LeNet-5 has 61,706 parameters and gives ten logits`() {
        let network = LeNet5()
        #expect(network.parameterCount == 61_706)
        #expect(network(Tensor.zeros([3, 1, 28, 28])).shape == [3, 10])
        #expect(
            network.namedParameters.map(\.name) == [
                "conv1.weight", "conv1.bias", "conv2.weight", "conv2.bias", "fc1.weight", "fc1.bias", "fc2.weight",
                "fc2.bias", "fc3.weight", "fc3.bias",
            ])
    }

    @Test func `The multilayer perceptron takes images and rows alike`() {
        let network = MLP()
        #expect(network.parameterCount == 101_770)
        let images = Tensor.linspace(0, 1, count: 2 * 784).reshape([2, 1, 28, 28])
        #expect(network(images).array() == network(images.reshape([2, 784])).array())
        #expect(network(images).shape == [2, 10])
    }

    @Test func `The notes' CNN has program 04's layers and names`() {
        let network = NotesCNN()
        #expect(network.parameterCount == 225_034)
        #expect(network(Tensor.zeros([2, 1, 28, 28])).shape == [2, 10])
        #expect(
            network.namedParameters.map(\.name) == [
                "0.weight", "0.bias", "3.weight", "3.bias", "7.weight", "7.bias", "10.weight", "10.bias",
            ])
        #expect(network.modeSwitches.count == 1)
    }
}
