// Checks of the pool of threads: every element of every region is met once, whoever takes it and however late a worker comes.
// Built with ThreadSanitizer (scripts/test-kernels --thread) it looks for races as well.
#include "check_support.h"
#include "mk_parallel.h"

#include <pthread.h>
#include <stdbool.h>

enum { MOST = 1000, REGIONS = 4000, STRETCH = 50 };

typedef struct {
    int64_t count;
    // Plain numbers: a chunk met by two threads, or not seen by the caller behind the region, shows.
    int visits[MOST];
} job;

static void visit(void *context, int64_t begin, int64_t end) {
    job *j = context;
    for (int64_t i = begin; i < end; i++) j->visits[i]++;
}

static bool once_each(const job *j) {
    for (int64_t i = 0; i < MOST; i++)
        if (j->visits[i] != (i < j->count)) return false;
    return true;
}

/// A region inside a region.
static void visit_nested(void *context, int64_t begin, int64_t end) {
    job inner = {.count = 64};
    mk_parallel_for(inner.count, 1, visit, &inner);
    if (once_each(&inner)) visit(context, begin, end);
}

/// The regions lie at changing places of the stack: one that a late worker still looked at would not be the next one.
static __attribute__((noinline)) int wrong_regions(int depth, int first) {
    volatile char room[200];
    room[0] = 0;
    if (depth > 0) return wrong_regions(depth - 1, first) + room[0];
    int wrong = 0;
    for (int i = first; i < first + STRETCH; i++) {
        job j = {.count = 1 + (i * INT64_C(7919)) % MOST};
        mk_parallel_for(j.count, 1 + i % 37, i % 5 == 0 ? visit_nested : visit, &j);
        wrong += !once_each(&j);
    }
    return wrong;
}

static void *second_caller(void *argument) {
    for (int i = 0; i < REGIONS; i += STRETCH) *(int *)argument += wrong_regions(i % 7, i);
    return NULL;
}

int main(void) {
    // Fewer threads than before as well: the pool then has more workers than there are shares.
    static const int threads[] = {1, 2, 8, 3, 2};
    for (int t = 0; t < 5; t++) {
        mk_parallel_set_threads(threads[t]);
        int wrong = 0, wrong_beside = 0;
        pthread_t other;
        const bool is_beside = pthread_create(&other, NULL, second_caller, &wrong_beside) == 0;
        for (int i = 0; i < REGIONS; i += STRETCH) wrong += wrong_regions(i % 5, i);
        if (is_beside) pthread_join(other, NULL);
        char name[100];
        snprintf(name, sizeof name, "two callers of %d regions on %d threads: each element once", REGIONS, threads[t]);
        count_check(is_beside && wrong == 0 && wrong_beside == 0, name);
    }
    return finish_checks("threads");
}
