import Foundation
import MartletData
import MartletTensor
import MartletTesting
import Testing

/// What scikit-learn says, as scripts/goldens/scalers.py took it.
private struct Golden: Decodable {
    let table: [[Double?]]
    let scaled: [String: [[Double?]]]
    let scale: [String: [Double]]

    static func read() throws -> Golden {
        let path = GoldenFile.path("scalers", "json")
        return try JSONDecoder().decode(Golden.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
    }
}

private func tensor(_ rows: [[Double?]]) -> Tensor {
    Tensor(rows.flatMap { $0.map { $0 ?? .nan } }, shape: [rows.count, rows[0].count])
}

/// Samples that are read one by one, as from files too large for memory.
private struct Streamed: Dataset {
    let rows: Tensor
    var count: Int { rows.shape[0] }
    subscript(index: Int) -> Sample { Sample(inputs: rows[index], label: Tensor(0)) }
}

private func areNear(_ a: Tensor, _ b: Tensor, _ tolerance: Double) -> Bool {
    a.shape == b.shape
        && zip(a.array(as: Double.self), b.array(as: Double.self)).allSatisfy { x, y in
            (x.isNaN && y.isNaN) || abs(x - y) <= tolerance * max(1, abs(y))
        }
}

@Suite struct ScalerTests {
    static let scalers: [String: any Scaler] = [
        "standard": StandardScaler(), "minMax": MinMaxScaler(), "minMaxWide": MinMaxScaler(range: -3...5),
        "robust": RobustScaler(), "robustWide": RobustScaler(quantiles: 0.1...0.9), "maxAbs": MaxAbsScaler(),
    ]

    @Test(arguments: scalers.keys.sorted())
    func `Every scaler has scikit-learn's numbers, and its inverse gives back the data`(
        name: String
    ) throws {
        let golden = try Golden.read()
        let x = tensor(golden.table)
        let learnt = try #require(Self.scalers[name]).fitted(to: x)
        let scaled = learnt.transform(x)
        #expect(scaled.dtype == .float64)
        #expect(areNear(scaled, tensor(try #require(golden.scaled[name])), 1e-12))
        #expect(areNear(learnt.inverse(scaled), x, 1e-12))
        if let scale = golden.scale[name], let own = learnt.fit?.scale {
            #expect(zip(scale, own).allSatisfy { abs($0 - $1) <= 1e-12 * $0 })
        }
    }

    @Test(arguments: scalers.keys.sorted()) func `Samples read one by one teach what records in memory do`(name: String)
        throws
    {
        let x = tensor(try Golden.read().table)
        let scaler = try #require(Self.scalers[name])
        let streamed = try scaler.fitted(to: Streamed(rows: x))
        #expect(AnyScaler(streamed) == AnyScaler(scaler.fitted(to: x)))
    }

    @Test func `Quantiles selected in eight readings are those of sorted numbers`() throws {
        let x = tensor(try Golden.read().table)
        let sorted = RobustScaler().fitted(to: x)
        let selected = RobustScaler(memoryLimit: 10).fitted(to: x)
        #expect(sorted.fit == selected.fit)
    }

    @Test func `Many blocks give the moments of the whole`() throws {
        // 200,000 numbers around 1000: a sum of squares would lose half their digits.
        let numbers = (0..<200_000).map { 1000 + Double(($0 &* 7919) % 1000) / 999 }
        let learnt = StandardScaler().fitted(to: Tensor(numbers, shape: [200_000, 1]))
        let mean = numbers.reduce(0) { $0 + ($1 - 1000) } / 200_000
        let variance = numbers.reduce(0) { $0 + ($1 - 1000 - mean) * ($1 - 1000 - mean) } / 200_000
        #expect(abs(try #require(learnt.mean)[0] - (1000 + mean)) < 1e-11)
        #expect(abs(try #require(learnt.deviation)[0] - variance.squareRoot()) < 1e-13)
    }

    @Test func `Channels and whole samples share their numbers`() throws {
        let images = Tensor((0..<24).map { Double($0) }, shape: [2, 3, 2, 2])
        let channels = StandardScaler(per: .channel).fitted(to: images)
        #expect(channels.fit?.shape == [3, 1, 1])
        // Channel 0 holds 0...3 and 12...15.
        #expect(channels.mean == [7.5, 11.5, 15.5])
        let other = channels.transform(Tensor.zeros([3, 5, 7]))
        #expect(other.shape == [3, 5, 7])
        let whole = MinMaxScaler(per: .whole).fitted(to: images)
        #expect(whole.fit?.shape == [1, 1, 1])
        #expect(whole.transform(images).array(as: Double.self).max() == 1)
        #expect(MaxAbsScaler(per: .axes([1, 2])).fitted(to: images).maxAbs == [20, 21, 22, 23])
    }

    @Test func `Images of unequal sizes teach one number a channel`() throws {
        struct Photos: Dataset {
            let count = 3
            subscript(index: Int) -> Sample {
                Sample(inputs: Tensor.full([2, index + 1, 2], Float(index)), label: Tensor(0))
            }
        }
        let learnt = try StandardScaler(per: .channel).fitted(to: Photos())
        // Twice 0, four times 1, six times 2.
        #expect(abs(try #require(learnt.mean)[1] - 16.0 / 12) < 1e-15)
        let error = #expect(throws: DataError.self) { try StandardScaler().fitted(to: Photos()) }
        #expect(error?.index == 1)
    }

    @Test func `A label is scaled where the scaler is for labels`() throws {
        let data = TensorDataset(Tensor([1, 2, 3] as [Float]), Tensor([10, 20, 30] as [Float], shape: [3, 1]))
        let scaler = MinMaxScaler(of: .label).fitted(to: data)
        let batch = try #require(DataLoader(data.map(scaler), batchSize: 3).first { _ in true })
        #expect(batch.labels.array() == [0, 0.5, 1])
        #expect(batch.inputs.array() == [1, 2, 3])
        #expect(scaler.inverse(batch.labels).array() == [10, 20, 30])
    }

    @Test func `A batch of records scaled as a whole has the bits of its samples scaled one by one`() throws {
        let numbers = (0..<70).map { Float(($0 &* 37) % 101) / 7 }
        let data = TensorDataset(Tensor(numbers, shape: [10, 7]), Tensor((0..<10).map { Float($0) }))
        let mapped = data.subset([3, 1, 9, 4]).map(StandardScaler().fitted(to: data))
        let batch = try #require(DataLoader(mapped, batchSize: 4).first { _ in true })
        #expect(batch.indices == [0, 1, 2, 3])
        #expect(batch.inputs.array() == (try (0..<4).flatMap { try mapped[$0].inputs.array() }))
        #expect(batch.labels.array() == [3, 1, 9, 4])
    }

    @Test(arguments: scalers.keys.sorted()) func `A scaler of any kind reads back from its text bit by bit`(
        name: String
    ) throws {
        let learnt = try #require(Self.scalers[name]).fitted(to: tensor(try Golden.read().table))
        let kept = AnyScaler(learnt)
        #expect(try AnyScaler(json: kept.json) == kept)
        let fresh = AnyScaler(try #require(Self.scalers[name]))
        #expect(try AnyScaler(json: fresh.json) == fresh)
        #expect(fresh != kept)
    }

    @Test(arguments: [
        ("{\"kind\":\"cubic\"}", "kind"), ("{", "JSON"), ("{\"kind\":\"standard\",\"per\":\"feature\"}", "part"),
        ("{\"kind\":\"maxAbs\",\"per\":\"row\",\"part\":\"inputs\"}", "per"),
        (
            "{\"kind\":\"maxAbs\",\"per\":\"whole\",\"part\":\"inputs\",\"fit\":{\"shape\":[2],\"offset\":[0],\"scale\":[1]}}",
            "fit"
        ),
        (
            "{\"kind\":\"maxAbs\",\"per\":\"whole\",\"part\":\"inputs\",\"fit\":{\"shape\":[1],\"offset\":[0],\"scale\":[0]}}",
            "fit"
        ),
    ]) func `Text that is no scaler is an error that names the field`(json: String, field: String) {
        let error = #expect(throws: DataError.self) { try AnyScaler(json: json, name: "model.json") }
        #expect(error?.dataset == "model.json")
        #expect(error?.field == field)
    }

    @Test func `A sample of another shape is an error, and an empty set too`() throws {
        let scaler = StandardScaler().fitted(to: Tensor([1, 2, 3, 4] as [Float], shape: [2, 2]))
        let error = #expect(throws: DataError.self) {
            try scaler(Sample(inputs: Tensor.zeros([3]), label: Tensor(0)))
        }
        #expect(error?.field == "inputs")
        #expect(throws: DataError.self) { try StandardScaler().fitted(to: Numbered(count: 0)) }
    }

    @Test func `A scaled tensor passes its gradient on`() {
        let scaler = StandardScaler().fitted(to: Tensor([0, 4] as [Double], shape: [2, 1]))
        let x = Tensor([1, 2] as [Double], shape: [2, 1]).requiringGradient()
        scaler(x).sum().backward()
        #expect(x.gradient?.array() == [0.5, 0.5])
    }
}
