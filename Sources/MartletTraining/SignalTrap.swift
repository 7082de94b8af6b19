import Foundation
import Synchronization

/// How many signals came, and the last one. Both are touched before a handler is installed, so that the handler itself
/// never initialises them.
private let signalCount = Atomic<Int>(0)
private let lastSignal = Atomic<Int32>(0)

/// Turns an interruption into a question that the training loop asks: finish the step, save, leave.
///
/// The first SIGINT or SIGTERM is only noted. The second ends the process at once with 128 + its number (130 for
/// Ctrl-C). Only one trap may be set at a time.
///
///     let trap = SignalTrap()
///     defer { trap.restore() }
///     while !trap.isRaised { ... }
package struct SignalTrap {
    private let former: [(signal: Int32, action: sigaction)]
    private let formerMask: sigset_t

    /// Sets the trap until ``restore()``.
    package init(_ signals: [Int32] = [SIGINT, SIGTERM]) {
        signalCount.store(0, ordering: .sequentiallyConsistent)
        lastSignal.store(0, ordering: .sequentiallyConsistent)
        former = signals.map { signal in
            var (new, old) = (sigaction(), sigaction())
            new.__sigaction_handler.sa_handler = SignalTrap.handle
            // Reads and writes that are under way go on.
            new.sa_flags = SA_RESTART
            sigaction(signal, &new, &old)
            return (signal, old)
        }
        formerMask = SignalTrap.unblock(signals)
    }

    /// Puts the former handlers back.
    package func restore() {
        for (signal, action) in former {
            var action = action
            sigaction(signal, &action, nil)
        }
        var mask = formerMask
        pthread_sigmask(SIG_SETMASK, &mask, nil)
    }

    /// Lets the signals through to this thread. A process inherits the mask of the thread that started it, and the worker
    /// threads of a parent's pool block all signals.
    ///
    /// - Returns: the mask as it was.
    private static func unblock(_ signals: [Int32]) -> sigset_t {
        var (wanted, former) = (sigset_t(), sigset_t())
        sigemptyset(&wanted)
        for signal in signals { sigaddset(&wanted, signal) }
        pthread_sigmask(SIG_UNBLOCK, &wanted, &former)
        return former
    }

    /// Whether someone wants the process to end.
    package var isRaised: Bool { Self.isAnyRaised }

    /// The same of the one trap that may be set, for other threads.
    package static var isAnyRaised: Bool { signalCount.load(ordering: .relaxed) > 0 }

    /// What the process should leave with once it has saved: 128 + the signal; nil if none came.
    package var exitCode: Int32? {
        let signal = lastSignal.load(ordering: .relaxed)
        return signal == 0 ? nil : 128 + signal
    }

    /// Only atomics and calls that POSIX allows in a handler.
    private static let handle: @convention(c) (Int32) -> Void = { signal in
        lastSignal.store(signal, ordering: .relaxed)
        if signalCount.add(1, ordering: .sequentiallyConsistent).newValue > 1 {
            _exit(128 + signal)
        }
    }
}
