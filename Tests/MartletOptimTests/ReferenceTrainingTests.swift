import Foundation
import MartletFiles
import MartletGraph
import MartletNN
import MartletOptim
import MartletTensor
import Testing

/// The same training on the reference device and on the processor.
@Suite("Training on another device")
struct ReferenceTrainingTests {
    private func network() -> Sequential {
        Sequential {
            // Without a bias: the normalisation takes it away, and its gradient would be rounding alone.
            Conv2d(1, 4, kernelSize: 3, bias: false)
            BatchNorm2d(4)
            ReLU()
            MaxPool2d(2)
            Flatten()
            Dropout(0.25)
            Linear(4 * 2 * 2, 3)
        }
    }

    private func train(on device: Device, compiled: Bool = false, steps: Int = 4) -> (
        losses: [Float], model: Sequential, optimizer: AdamW
    ) {
        withGenerator(seed: 5) {
            let model = network().to(device)
            let optimizer = AdamW(model.parameters, learningRate: 1e-2, weightDecay: 1e-2)
            let body = { (x: Tensor, y: Tensor) -> Tensor in
                optimizer.zeroGradients()
                let loss = crossEntropy(model(x), y)
                loss.backward()
                optimizer.step()
                return loss.detached()
            }
            let program = compile(updating: model, optimizer, function: body)
            let losses = (0..<steps).map { index in
                // The batches are uncommitted: they follow the model.
                let x = withGenerator(seed: UInt64(index)) { Tensor.rand([5, 1, 6, 6]) }
                let y = Tensor([0, 1, 2, 1, 0].map { ($0 + index) % 3 })
                let loss = compiled ? program(x, y) : body(x, y)
                #expect(loss.device == device)
                return loss.item()
            }
            return (losses, model, optimizer)
        }
    }

    private func expectClose(_ found: [Float], _ wanted: [Float], _ name: String) {
        let scale = wanted.reduce(1) { max($0, abs($1)) }
        for (one, other) in zip(found, wanted) { #expect(abs(one - other) <= 2e-4 * scale, "\(name)") }
    }

    @Test("A module moved to the device trains as on the processor", arguments: [false, true])
    func trains(compiled: Bool) {
        let here = train(on: .cpu, compiled: compiled)
        let there = train(on: .reference, compiled: compiled)
        expectClose(there.losses, here.losses, "losses")
        for (name, tensor) in here.model.stateDictionary {
            let other = there.model.stateDictionary[name]
            #expect(other?.device == .reference, "\(name)")
            expectClose(other?.array() ?? [], tensor.array(), name)
        }
        for parameter in there.model.parameters { #expect(parameter.gradient?.device == .reference) }
    }

    @Test("Dropout drops the same elements on every device")
    func dropout() {
        let outputs = [Device.cpu, .reference].map { device in
            withGenerator(seed: 9) { Dropout(0.5)(Tensor.ones([300]).to(device)) }
        }
        #expect(outputs[1].device == .reference)
        #expect(outputs[0].array() == outputs[1].array())
        #expect(outputs[0].array().contains(0))
    }

    @Test("Batch normalisation follows its statistics on the device")
    func batchNorm() {
        let x = withGenerator(seed: 1) { Tensor.randn([8, 3, 2, 2]) }
        let results = [Device.cpu, .reference].map { device -> [Tensor] in
            let layer = BatchNorm2d(3).to(device)
            let training = layer(x)
            let evaluated = layer.eval()(x)
            return [training, evaluated] + layer.namedBuffers.map(\.buffer.value)
        }
        for (one, other) in zip(results[0], results[1]) {
            #expect(other.device == .reference)
            expectClose(other.array(), one.array(), "batch norm")
        }
    }

    @Test("A state dictionary saved from the device is loaded into a module on another, which stays where it is")
    func saved() throws {
        let there = train(on: .reference, steps: 1).model
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("reference-\(UUID()).safetensors").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try SafetensorsWriter.write(there.stateDictionary, to: path)
        let read = try SafetensorsFile(path).tensors()
        let here = network()
        try here.load(read)
        let back = network().to(.reference)
        try back.load(read)
        for (name, tensor) in there.stateDictionary {
            #expect(here.stateDictionary[name]?.array() == tensor.array(), "\(name)")
            #expect(back.stateDictionary[name]?.array() == tensor.array(), "\(name)")
            #expect(back.stateDictionary[name]?.device == .reference, "\(name)")
        }
    }

    @Test("A model goes on training after it moved, with its optimizer's state")
    func moves() {
        func train(moving: Bool) -> [Float] {
            withGenerator(seed: 2) {
                let model = Sequential {
                    Linear(3, 4)
                    ReLU()
                    Linear(4, 1)
                }
                let optimizer = SGD(model.parameters, learningRate: 0.1, momentum: 0.9)
                let x = Tensor.randn([6, 3])
                model.to(.cpu)
                return (0..<4).map { step in
                    if moving, step == 2 { model.to(.reference) }
                    optimizer.zeroGradients()
                    let loss = meanSquaredError(model(x), Tensor.ones([6, 1]))
                    loss.backward()
                    optimizer.step()
                    return loss.item()
                }
            }
        }
        expectClose(train(moving: true), train(moving: false), "losses")
    }

    @Test("A program on two devices stops and names both")
    func twoDevices() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let twice = compile { (x: Tensor) -> Tensor in x.to(.cpu) * 2 }
            _ = twice(Tensor([1]).to(.reference)).item()
        }
        let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(text.contains("cpu and reference"), "\(text)")
    }
}
