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
static const uint64_t OPEN = UINT64_C(1) << 32;

/// One thread's part of a region, on a line of its own: others take from it once theirs is done.
typedef struct {
    _Alignas(64) _Atomic int64_t next;
    int64_t end;
} share;

typedef struct {
    int64_t grain;
    void (*body)(void *, int64_t, int64_t);
    void *context;
    // The caller's, on every thread.
    uint32_t floating_point_mode;
    int shares;
    share share[MAX_THREADS];
} region;

static _Thread_local bool nested;
/// A worker's number in the pool of our own, from 1 on; 0 on other threads.
static _Thread_local int own_number;
static void (*gomp_parallel)(void (*)(void *), void *, unsigned, unsigned);
static int (*gomp_thread_number)(void);
static int configured_threads;

static struct {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    _Atomic uint64_t generation;
    // Workers inside the region, and OPEN while more may enter.
    _Atomic uint64_t gate;
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

void mk_parallel_bind(void *parallel, void *thread_number) {
    if (!parallel || !thread_number) return;
    gomp_parallel = (void (*)(void (*)(void *), void *, unsigned, unsigned))parallel;
    gomp_thread_number = (int (*)(void))thread_number;
}

int mk_parallel_is_nested(void) { return nested; }

/// The share that this thread begins with: the same in every region, so that it finds in its cache what it wrote there in the one
/// before. The caller's is the first.
static int first_share(const region *r) { return (gomp_parallel ? gomp_thread_number() : own_number) % r->shares; }

/// Takes chunks until none is left, its own first: a slow core simply takes fewer.
static void take_chunks(void *argument) {
    region *r = argument;
    bool outer = nested;
    nested = true;
    // A worker keeps it: the engine's own regions on the same workers find it there.
    mk_floating_point_set_mode(r->floating_point_mode);
    const int first = first_share(r);
    for (int i = 0; i < r->shares; i++) {
        share *s = &r->share[(first + i) % r->shares];
        for (;;) {
            int64_t begin = atomic_fetch_add_explicit(&s->next, r->grain, memory_order_relaxed);
            if (begin >= s->end) break;
            r->body(r->context, begin, begin + r->grain < s->end ? begin + r->grain : s->end);
        }
    }
    nested = outer;
}

/// Cuts [0, count) into one stretch of whole chunks for each thread.
static void divide(region *r, int64_t count, int threads) {
    const int64_t chunks = (count + r->grain - 1) / r->grain;
    r->shares = threads;
    for (int i = 0; i < threads; i++) {
        const int64_t end = chunks * (i + 1) / threads * r->grain;
        atomic_init(&r->share[i].next, chunks * i / threads * r->grain);
        r->share[i].end = end < count ? end : count;
    }
}

/// What a worker begins with.
typedef struct {
    int number;
    uint64_t seen;
} start;

static start starts[MAX_THREADS];

/// Lets a worker into the region that runs; false where it has ended, or has nothing left to take.
static bool enter(void) {
    uint64_t gate = atomic_load_explicit(&pool.gate, memory_order_acquire);
    while (gate & OPEN)
        if (atomic_compare_exchange_weak_explicit(
                &pool.gate, &gate, gate + 1, memory_order_acq_rel, memory_order_acquire))
            return true;
    return false;
}

static void *worker(void *argument) {
    const start *own = argument;
    own_number = own->number;
    // The regions before its time are not its own.
    uint64_t seen = own->seen;
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
        if (!enter()) continue;
        take_chunks(pool.current);
        atomic_fetch_sub_explicit(&pool.gate, 1, memory_order_release);
    }
    return NULL;
}

/// Starts the workers that are missing. Called by whoever holds `busy`.
static void ensure_workers(int wanted) {
    while (pool.workers < wanted) {
        pthread_t thread;
        start *own = &starts[pool.workers];
        *own = (start){pool.workers + 1, atomic_load_explicit(&pool.generation, memory_order_relaxed)};
        if (pthread_create(&thread, NULL, worker, own) != 0) return;
        pthread_detach(thread);
        pool.workers++;
    }
}

static void run_on_pool(region *r, int threads) {
    ensure_workers(threads - 1);
    pool.current = r;
    atomic_store_explicit(&pool.gate, OPEN, memory_order_release);
    pthread_mutex_lock(&pool.lock);
    atomic_fetch_add_explicit(&pool.generation, 1, memory_order_release);
    pthread_cond_broadcast(&pool.wake);
    pthread_mutex_unlock(&pool.lock);
    take_chunks(r);
    // Every chunk is taken: who has not come by now (its core may be somebody else's for a while) is not waited for.
    atomic_fetch_and_explicit(&pool.gate, ~OPEN, memory_order_acq_rel);
    for (int spins = 0; atomic_load_explicit(&pool.gate, memory_order_acquire) > 0;) {
        if (spins < SPINS) {
            spins++;
            RELAX();
        } else {
            sched_yield();
        }
    }
}

void mk_parallel_for(int64_t count, int64_t grain, void (*body)(void *, int64_t, int64_t), void *context) {
    if (count <= 0) return;
    if (grain < 1) grain = 1;
    int threads = mk_parallel_threads();
    if (count <= grain || threads == 1 || nested || atomic_flag_test_and_set(&pool.busy)) {
        body(context, 0, count);
        return;
    }
    region r;
    r.grain = grain;
    r.body = body;
    r.context = context;
    r.floating_point_mode = mk_floating_point_mode();
    divide(&r, count, threads);
    if (gomp_parallel) {
        gomp_parallel(take_chunks, &r, (unsigned)threads, 0);
    } else {
        run_on_pool(&r, threads);
    }
    atomic_flag_clear(&pool.busy);
}
