import Martlet

/// An epoch of program 03: MNIST from its files through a shuffling loader, 784-128-10, batches of 64, Adam.
enum EpochRow {
    static let name = "epoch"

    /// Why the row cannot run here; nil where it can.
    static func obstacle() -> String? {
        do throws(FileError) {
            _ = try MNIST(.test)
            return nil
        } catch { return "\(error)" }
    }

    static func row(compiled: Bool) -> BenchRow {
        BenchRow(makeStep: { step(compiled) }, readsEach: true, recorded: 1, warm: 0)
    }

    /// An epoch, opening the files included; gives the mean of the batches' losses.
    private static func step(_ compiled: Bool) -> () -> Tensor {
        let model = Sequential {
            Flatten()
            Linear(784, 128)
            ReLU()
            Linear(128, 10)
        }
        let step = adamStep(model, compiled: compiled)
        return {
            guard let train = try? MNIST(.train) else { return Tensor(Float.nan) }
            let loader = DataLoader(train, batchSize: 64, shuffle: true)
            var total = Tensor(Float(0))
            for batch in loader { total = total + step(batch.inputs, batch.labels) }
            return total / Double(loader.count)
        }
    }
}
