#define _GNU_SOURCE
#include "mk_parallel.h"
#include "mk_subnormals.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#if defined(__x86_64__)
#define RELAX() __builtin_ia32_pause()
#else
#define RELAX() __asm__ volatile("" ::: "memory")
#endif

enum { MAX_THREADS = 64, SPINS = 20000 };

typedef struct {
    int64_t count, grain;
    void (*body)(void *, int64_t, int64_t);
    void *context;
    _Atomic int64_t next;
    // The caller's, on every thread.
    uint64_t floating_point_mode;
} region;

static _Thread_local bool nested;
static void (*gomp_parallel)(void (*)(void *), void *, unsigned, unsigned);
static int configured_threads;

static struct {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    _Atomic uint64_t generation;
    _Atomic int running;
    region *current;
    int workers;
    // One region at a time; a second caller runs in place.
    atomic_flag busy;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER, .busy = ATOMIC_FLAG_INIT};

static int default_threads(void) {
    const char *text = getenv("MARTLET_THREADS");
    int wanted = text ? atoi(text) : 0;
    if (wanted <= 0) {
        cpu_set_t set;
        wanted = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    }
    return wanted < 1 ? 1 : wanted > MAX_THREADS ? MAX_THREADS : wanted;
}

static pthread_once_t threads_once = PTHREAD_ONCE_INIT;
static void read_threads(void) {
    if (configured_threads == 0) configured_threads = default_threads();
}

int mk_parallel_threads(void) {
    pthread_once(&threads_once, read_threads);
    return configured_threads;
}

void mk_parallel_set_threads(int threads) {
    pthread_once(&threads_once, read_threads);
    configured_threads = threads < 1 ? 1 : threads > MAX_THREADS ? MAX_THREADS : threads;
}

void mk_parallel_bind(void *function) {
    gomp_parallel = (void (*)(void (*)(void *), void *, unsigned, unsigned))function;
}

int mk_parallel_is_nested(void) { return nested; }

/// Takes chunks until none is left: a slow core simply takes fewer.
static void take_chunks(void *argument) {
    region *r = argument;
    bool outer = nested;
    nested = true;
    // A worker keeps it: the engine's own regions on the same workers find it there.
    mk_floating_point_set_mode(r->floating_point_mode);
    for (;;) {
        int64_t begin = atomic_fetch_add_explicit(&r->next, r->grain, memory_order_relaxed);
        if (begin >= r->count) break;
        int64_t end = begin + r->grain < r->count ? begin + r->grain : r->count;
        r->body(r->context, begin, end);
    }
    nested = outer;
}

static void *worker(void *unused) {
    (void)unused;
    uint64_t seen = 0;
    for (;;) {
        // A short spin catches the next kernel of the same plan; then sleep, so as not to steal a core.
        int spins = 0;
        while (atomic_load_explicit(&pool.generation, memory_order_acquire) == seen) {
            if (++spins < SPINS) {
                RELAX();
                continue;
            }
            pthread_mutex_lock(&pool.lock);
            while (atomic_load_explicit(&pool.generation, memory_order_acquire) == seen) {
                pthread_cond_wait(&pool.wake, &pool.lock);
            }
            pthread_mutex_unlock(&pool.lock);
        }
        seen = atomic_load_explicit(&pool.generation, memory_order_acquire);
        take_chunks(pool.current);
        atomic_fetch_sub_explicit(&pool.running, 1, memory_order_release);
    }
    return NULL;
}

/// Starts the workers that are missing. Called by whoever holds `busy`.
static void ensure_workers(int wanted) {
    while (pool.workers < wanted) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, worker, NULL) != 0) return;
        pthread_detach(thread);
        pool.workers++;
    }
}

static void run_on_pool(region *r, int threads) {
    ensure_workers(threads - 1);
    pool.current = r;
    atomic_store_explicit(&pool.running, pool.workers, memory_order_release);
    pthread_mutex_lock(&pool.lock);
    atomic_fetch_add_explicit(&pool.generation, 1, memory_order_release);
    pthread_cond_broadcast(&pool.wake);
    pthread_mutex_unlock(&pool.lock);
    take_chunks(r);
    while (atomic_load_explicit(&pool.running, memory_order_acquire) > 0) RELAX();
}

void mk_parallel_for(int64_t count, int64_t grain, void (*body)(void *, int64_t, int64_t), void *context) {
    if (count <= 0) return;
    if (grain < 1) grain = 1;
    int threads = mk_parallel_threads();
    if (count <= grain || threads == 1 || nested || atomic_flag_test_and_set(&pool.busy)) {
        body(context, 0, count);
        return;
    }
    region r = {
        .count = count, .grain = grain, .body = body, .context = context, .floating_point_mode = mk_floating_point_mode()};
    if (gomp_parallel) {
        gomp_parallel(take_chunks, &r, (unsigned)threads, 0);
    } else {
        run_on_pool(&r, threads);
    }
    atomic_flag_clear(&pool.busy);
}
