#ifndef MK_RUNNER_H
#define MK_RUNNER_H

#include <stdbool.h>

/// Runs work that uses the pool of threads. libgomp keeps a team for each thread that enters it, so that several callers
/// would multiply the workers: while one thread calls, its work runs in place; from the second thread on, all of it runs on
/// one runner thread, and callers wait.
void mk_runner_run(void (*work)(void *), void *context);

/// True once a second thread has called: work goes to the runner thread.
bool mk_runner_is_shared(void);

#endif
