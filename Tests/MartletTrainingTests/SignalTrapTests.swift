import Foundation
import MartletTraining
import Testing

/// Sends a signal to the process, as a terminal does, and waits until the trap has it: the threads of a concurrency pool
/// block signals, so another thread takes it.
private func send(_ signal: Int32, to trap: SignalTrap) {
    kill(getpid(), signal)
    for _ in 0..<5000 where trap.exitCode != 128 + signal { usleep(1000) }
}

/// One after the other: a trap is the process's.
@Suite("Signals", .serialized)
struct SignalTrapTests {
    @Test("the first signal is noted and tells the exit code")
    func first() {
        let trap = SignalTrap([SIGUSR1])
        defer { trap.restore() }
        #expect(!trap.isRaised)
        #expect(trap.exitCode == nil)
        send(SIGUSR1, to: trap)
        #expect(trap.isRaised)
        #expect(trap.exitCode == 128 + SIGUSR1)
    }

    @Test("a new trap starts unraised, and the former handler comes back")
    func restored() {
        func handler() -> Int {
            var action = sigaction()
            sigaction(SIGUSR2, nil, &action)
            return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
        }
        let before = handler()
        let trap = SignalTrap([SIGUSR2])
        #expect(handler() != before)
        send(SIGUSR2, to: trap)
        #expect(trap.isRaised)
        trap.restore()
        #expect(handler() == before)
        let next = SignalTrap([SIGUSR2])
        #expect(!next.isRaised)
        next.restore()
    }

    @Test("the second interruption ends the process at once with 130")
    func second() async {
        await #expect(processExitsWith: .exitCode(130)) {
            let trap = SignalTrap()
            send(SIGINT, to: trap)
            guard trap.isRaised else { exit(1) }
            kill(getpid(), SIGINT)
            sleep(5)
            exit(0)
        }
    }

    @Test("a second request to terminate ends it with 143")
    func secondTermination() async {
        await #expect(processExitsWith: .exitCode(143)) {
            let trap = SignalTrap()
            send(SIGINT, to: trap)
            guard trap.exitCode == 130 else { exit(1) }
            kill(getpid(), SIGTERM)
            sleep(5)
            exit(0)
        }
    }
}
