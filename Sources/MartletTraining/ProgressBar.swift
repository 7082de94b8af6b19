import Foundation

/// Draws a training run's progress: a bar that moves on a terminal, elsewhere a line an epoch and no escape codes.
///
///     var progress = ProgressBar(epochs: 10, batchesPerEpoch: 469)
///     progress.beginEpoch(1)
///     progress.finishBatch(images: 128, loss: 0.04, accuracy: 0.98)
///     progress.finishEpoch(record)
public struct ProgressBar {
    /// The run so far.
    public private(set) var state: ProgressState

    /// The bar is redrawn at most once in this many seconds.
    private static let interval = 0.1
    private static let eraseLine = "\r\u{1B}[2K"

    private let terminal: Terminal
    private let clock: () -> Double
    private var lastDrawn: Double?
    private var isShown = false

    /// - Parameters:
    ///   - unit: what examples are called where their rate stands.
    ///   - terminal: where to draw.
    ///   - clock: the time in seconds; it must not go backwards.
    public init(
        epochs: Int, batchesPerEpoch: Int, unit: String = "img", on terminal: Terminal = .standardError,
        clock: @escaping () -> Double = ProgressBar.monotonicSeconds
    ) {
        state = ProgressState(epochs: epochs, batchesPerEpoch: batchesPerEpoch, unit: unit)
        self.terminal = terminal
        self.clock = clock
    }

    /// The system's clock that never goes backwards, in seconds.
    public static func monotonicSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }

    /// Whether the next event will redraw: a loss that has to be fetched from a device is worth fetching only then.
    public var isDue: Bool {
        terminal.isTerminal && (lastDrawn.map { clock() - $0 >= Self.interval } ?? true)
    }

    /// Starts epoch `number`, from 1 on; `batch` of its batches were done before a resumption.
    public mutating func beginEpoch(_ number: Int, batch: Int = 0) {
        state.beginEpoch(number, batch: batch, at: clock())
        draw()
    }

    /// Counts a step; a loss or accuracy (a fraction) of nil keeps the last one on the line.
    public mutating func finishBatch(images: Int, loss: Double? = nil, accuracy: Double? = nil) {
        finishStep(batches: 1, images: images, loss: loss, accuracy: accuracy)
    }

    /// Counts a step of several batches.
    public mutating func finishStep(batches: Int, images: Int, loss: Double? = nil, accuracy: Double? = nil) {
        state.finishStep(batches: batches, images: images, loss: loss, accuracy: accuracy, at: clock())
        draw()
    }

    /// Turns from training to measuring on held-out data.
    public mutating func beginTesting(batches: Int) {
        state.beginTesting(batches: batches, at: clock())
        draw()
    }

    /// Counts a batch of held-out data.
    public mutating func finishTestBatch() {
        state.finishTestBatch()
        draw()
    }

    /// Replaces the bar by the epoch's line, which stays.
    public mutating func finishEpoch(_ record: MetricsRecord) {
        state.finishEpoch(at: clock())
        say(ProgressState.epochLine(record, of: state.epochs, unit: state.unit))
    }

    /// Writes a line above the bar.
    public mutating func say(_ line: String) {
        terminal.write((isShown ? Self.eraseLine : "") + line + "\n")
        (isShown, lastDrawn) = (false, nil)
    }

    /// Takes the bar off the screen, at the end or before someone else writes.
    public mutating func clear() {
        if isShown { terminal.write(Self.eraseLine) }
        (isShown, lastDrawn) = (false, nil)
    }

    private mutating func draw() {
        guard terminal.isTerminal else { return }
        let now = clock()
        if let lastDrawn, now - lastDrawn < Self.interval { return }
        // The last column stays free: some terminals wrap as soon as it is written.
        let line = state.render(
            width: max(1, min(terminal.width() - 1, Terminal.usualWidth)), unicode: terminal.isUnicode,
            colored: terminal.isColored)
        terminal.write(Self.eraseLine + line)
        (lastDrawn, isShown) = (now, true)
    }
}
