// One pool of threads. Where an engine's libgomp is bound (mk_parallel_bind), regions join it; otherwise a pool of our own.
#ifndef MK_PARALLEL_H
#define MK_PARALLEL_H

#include <stdint.h>

/// Runs body(context, begin, end) over [0, count) in chunks of at least `grain`, handed out dynamically.
/// Runs in place where count <= grain or only one thread is configured. Nested calls run in place.
void mk_parallel_for(int64_t count, int64_t grain, void (*body)(void *context, int64_t begin, int64_t end), void *context);

/// Threads a region uses (MARTLET_THREADS, else the processors this process may run on).
int mk_parallel_threads(void);
void mk_parallel_set_threads(int threads);

/// Joins libgomp's pool: the addresses of GOMP_parallel(void (*fn)(void *), void *data, unsigned threads, unsigned flags) and
/// int omp_get_thread_num(void); where one is NULL it is left.
void mk_parallel_bind(void *gomp_parallel, void *gomp_thread_number);

/// True while called from inside a region.
int mk_parallel_is_nested(void);

#endif
