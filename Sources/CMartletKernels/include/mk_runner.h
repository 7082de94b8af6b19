#ifndef MK_RUNNER_H
#define MK_RUNNER_H

/// Runs work that uses the pool of threads. libgomp keeps a team for each thread that enters it, so that several callers
/// would multiply the workers: while one thread calls, its work runs in place; from the second thread on, all of it runs on
/// one runner thread, and callers wait. Threads of a lower priority than the process run their own work where they are.
void mk_runner_run(void (*work)(void *), void *context);

#endif
