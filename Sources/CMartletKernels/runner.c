#include "mk_runner.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <unistd.h>

typedef struct request {
    void (*work)(void *);
    void *context;
    struct request *next;
    pthread_cond_t done;
    bool is_done;
} request;

static struct {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    request *first, *last;
    bool is_started;
} runner = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

/// Each thread's own address: never zero, and one comparison.
static _Thread_local char identity;
static _Thread_local bool is_runner;
/// 1 for a thread of lower priority than the process (a loader's worker), 0 for others, -1 before it was asked.
static _Thread_local int is_background = -1;
static _Atomic uintptr_t only_caller;
static _Atomic bool is_shared;

static void *serve(void *unused) {
    (void)unused;
    is_runner = true;
    pthread_mutex_lock(&runner.lock);
    for (;;) {
        while (runner.first == NULL) pthread_cond_wait(&runner.wake, &runner.lock);
        request *next = runner.first;
        runner.first = next->next;
        if (runner.first == NULL) runner.last = NULL;
        pthread_mutex_unlock(&runner.lock);
        next->work(next->context);
        pthread_mutex_lock(&runner.lock);
        next->is_done = true;
        pthread_cond_signal(&next->done);
    }
}

/// Called under the lock; false where no thread can be had.
static bool start(void) {
    if (runner.is_started) return true;
    pthread_t thread;
    if (pthread_create(&thread, NULL, serve, NULL) != 0) return false;
    pthread_detach(thread);
    runner.is_started = true;
    return true;
}

static bool is_only_caller(void) {
    if (atomic_load_explicit(&is_shared, memory_order_acquire)) return false;
    const uintptr_t own = (uintptr_t)&identity;
    uintptr_t found = 0;
    if (atomic_compare_exchange_strong(&only_caller, &found, own) || found == own) return true;
    atomic_store_explicit(&is_shared, true, memory_order_release);
    return false;
}

/// Work of such a thread stays there: on the runner it would stand before a training step, and a runner that such a thread
/// started would have its priority.
static bool is_background_thread(void) {
    if (is_background < 0)
        is_background = getpriority(PRIO_PROCESS, 0) > getpriority(PRIO_PROCESS, (id_t)getpid()) ? 1 : 0;
    return is_background;
}

void mk_runner_run(void (*work)(void *), void *context) {
    if (is_runner || is_background_thread() || is_only_caller()) {
        work(context);
        return;
    }
    request own = {.work = work, .context = context};
    pthread_mutex_lock(&runner.lock);
    if (!start()) {
        pthread_mutex_unlock(&runner.lock);
        work(context);
        return;
    }
    pthread_cond_init(&own.done, NULL);
    if (runner.last) runner.last->next = &own;
    else runner.first = &own;
    runner.last = &own;
    pthread_cond_signal(&runner.wake);
    while (!own.is_done) pthread_cond_wait(&own.done, &runner.lock);
    pthread_mutex_unlock(&runner.lock);
    pthread_cond_destroy(&own.done);
}
