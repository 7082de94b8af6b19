import MartletTraining
import Synchronization
import Testing

/// A terminal that keeps what is written, and a clock that is set by hand.
private final class Screen: Sendable {
    let text = Mutex("")
    let time = Mutex(0.0)

    func terminal(isTerminal: Bool, width: Int = 100) -> Terminal {
        Terminal(isTerminal: isTerminal, width: { width }, write: { part in self.text.withLock { $0 += part } })
    }

    var now: Double {
        get { time.withLock { $0 } }
        set { time.withLock { $0 = newValue } }
    }

    var written: String { text.withLock { $0 } }
}

/// Epoch 3 of 10 after 54 of 100 batches of 128 images, 400 batches a second.
private func midway() -> ProgressState {
    var state = ProgressState(epochs: 10, batchesPerEpoch: 100)
    state.beginEpoch(3, at: 0)
    for batch in 1...54 { state.finishBatch(images: 128, loss: 0.0421, accuracy: 0.98713, at: Double(batch) / 400) }
    return state
}

private let record = MetricsRecord(
    epoch: 3, step: 300, trainLoss: 0.0421, trainAccuracy: 0.98713, testLoss: 0.038, testAccuracy: 0.988,
    imagesPerSecond: 41_203.4, seconds: 1.451, elapsedSeconds: 4.4)

@Suite("Progress")
struct ProgressTests {
    @Test("a line shows epoch, bar, share, loss, accuracy, rate and the time left in 80 columns")
    func wholeLine() {
        #expect(
            midway().render(width: 80)
                == "Epoch  3/10  ━━━━━━──────  54%  loss 0.0421  acc 98.71%  51,200 img/s  0:02 left")
    }

    @Test("a line without Unicode is plain ASCII of the same width")
    func ascii() {
        let line = midway().render(width: 80, unicode: false)
        #expect(line == "Epoch  3/10  [#####.....]  54%  loss 0.0421  acc 98.71%  51,200 img/s  0:02 left")
        #expect(line.utf8.allSatisfy { $0 < 128 })
    }

    @Test("no line is wider than the terminal, and none than 80 columns", arguments: 1...120)
    func fits(width: Int) {
        #expect(midway().render(width: width).count <= min(width, 80))
        #expect(ProgressState(epochs: 1, batchesPerEpoch: 0).render(width: width).count <= min(width, 80))
    }

    @Test("where there is little room the loss stays longest")
    func narrow() {
        #expect(midway().render(width: 60) == "Epoch  3/10  ━━━━━━━━━╸────────  54%  loss 0.0421  0:02 left")
        #expect(midway().render(width: 34) == "Epoch  3/10   54%  loss 0.0421")
    }

    @Test("colours add escape codes and no columns")
    func colored() {
        let plain = midway().render(width: 80)
        let colored = midway().render(width: 80, colored: true)
        #expect(colored.replacing(/\u{1B}\[[0-9]+m/, with: "") == plain)
    }

    @Test("the rate is the mean at first and then forgets")
    func smoothing() throws {
        var state = ProgressState(epochs: 1, batchesPerEpoch: 1000)
        state.beginEpoch(1, at: 10)
        #expect(state.imagesPerSecond == nil)
        #expect(state.secondsLeft == nil)
        state.finishBatch(images: 100, at: 11)
        #expect(state.imagesPerSecond == 100)
        for second in 12...40 { state.finishBatch(images: 300, at: Double(second)) }
        let rate = try #require(state.imagesPerSecond)
        #expect(rate > 299 && rate < 300)
    }

    @Test("the time left counts the remaining epochs with their tests")
    func timeLeft() throws {
        var state = ProgressState(epochs: 3, batchesPerEpoch: 10)
        state.beginEpoch(1, at: 0)
        for batch in 1...10 { state.finishBatch(images: 1, at: Double(batch)) }
        state.beginTesting(batches: 2, at: 10)
        #expect(state.fraction == 0)
        state.finishTestBatch()
        #expect(state.fraction == 0.5)
        #expect(state.render(width: 80).contains("testing"))
        state.finishTestBatch()
        state.finishEpoch(at: 14)
        // Two epochs of ten seconds, and two tests of four.
        #expect(abs(try #require(state.secondsLeft) - 28) < 1e-9)
        state.beginEpoch(2, at: 14)
        #expect(abs(try #require(state.secondsLeft) - 28) < 1e-9)
    }

    @Test("a resumed epoch starts where it was left")
    func resumed() {
        var state = ProgressState(epochs: 3, batchesPerEpoch: 10)
        state.beginEpoch(2, batch: 5, at: 0)
        #expect(state.fraction == 0.5)
    }

    @Test("a loss that is not read keeps the last one on the line")
    func keptLoss() {
        var state = midway()
        state.finishBatch(images: 128, at: 1)
        #expect(state.loss == 0.0421)
    }

    @Test("an epoch's line stays within 80 columns")
    func epochLine() {
        let line = ProgressState.epochLine(record, of: 10)
        #expect(line == "Epoch  3/10  train 0.0421 98.71%  test 0.0380 98.80%  41,203 img/s  1.45 s")
    }

    @Test("on a terminal the bar is redrawn ten times a second at most")
    func redraws() {
        let screen = Screen()
        var bar = ProgressBar(
            epochs: 10, batchesPerEpoch: 100, on: screen.terminal(isTerminal: true), clock: { screen.now })
        bar.beginEpoch(1)
        #expect(!bar.isDue)
        for batch in 1...100 {
            screen.now = Double(batch) / 100
            bar.finishBatch(images: 1)
        }
        // Once at the start and then at 0.1, 0.2, ...; rounding may delay a draw by one batch.
        let draws = screen.written.components(separatedBy: "\r\u{1B}[2K").count - 1
        #expect((9...11).contains(draws))
        bar.finishEpoch(record)
        #expect(screen.written.hasSuffix("\r\u{1B}[2K" + ProgressState.epochLine(record, of: 10) + "\n"))
    }

    @Test("the last column stays free")
    func lastColumn() throws {
        let screen = Screen()
        var bar = ProgressBar(
            epochs: 10, batchesPerEpoch: 100, on: screen.terminal(isTerminal: true, width: 40), clock: { screen.now })
        bar.beginEpoch(1)
        let line = try #require(screen.written.components(separatedBy: "\u{1B}[2K").last)
        #expect(line.count == 39)
    }

    @Test("away from a terminal there is a line an epoch and no escape code")
    func plainFile() {
        let screen = Screen()
        var bar = ProgressBar(
            epochs: 10, batchesPerEpoch: 2, on: screen.terminal(isTerminal: false), clock: { screen.now })
        bar.beginEpoch(3)
        for _ in 0..<2 {
            screen.now += 1
            bar.finishBatch(images: 1, loss: 1)
        }
        bar.beginTesting(batches: 1)
        bar.finishTestBatch()
        bar.finishEpoch(record)
        bar.clear()
        #expect(screen.written == ProgressState.epochLine(record, of: 10) + "\n")
    }

    @Test("a message takes the bar's place, and the bar comes back below")
    func message() {
        let screen = Screen()
        var bar = ProgressBar(
            epochs: 1, batchesPerEpoch: 2, on: screen.terminal(isTerminal: true), clock: { screen.now })
        bar.beginEpoch(1)
        bar.say("saved")
        bar.finishBatch(images: 1)
        let erase = "\r\u{1B}[2K"
        let lines = screen.written.components(separatedBy: erase)
        #expect(lines.count == 4)
        #expect(lines[2] == "saved\n")
        #expect(lines[3].hasPrefix("Epoch 1/1"))
    }
}
