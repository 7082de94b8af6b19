// Finds libdnnl.so.3, binds its entry points, and keeps the record of where it was looked for.
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ce_dnnl.h"
#include "dnnl_api.h"
#include "dnnl_search.h"

struct dn_functions dn;
dn_engine dn_cpu;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool loaded;
static bool attempted;
static ce_search search;
static char version[32];
static void *gomp_parallel, *gomp_thread_number;
static void (*omp_set_num_threads)(int);
static atomic_int wanted_threads;
static int initial_threads;

/// Binds every entry point; NULL or the name of the first one missing.
static const char *bind_functions(void *library) {
    // Through a union, for ISO C has no conversion from object to function pointers.
    union {
        void *object;
        void (*function)(void);
    } symbol;
#define DN_BIND(result, name, parameters)                                                                              \
    symbol.object = dlsym(library, "dnnl_" #name);                                                                     \
    if (!symbol.object) return "dnnl_" #name;                                                                          \
    dn.name = (result(*) parameters)symbol.function;
    DN_FUNCTIONS(DN_BIND)
#undef DN_BIND
    return NULL;
}

/// Refuses libraries that these declarations do not describe.
static bool version_serves(const char *path) {
    const dn_version *found = dn.version();
    snprintf(version, sizeof version, "%d.%d.%d", found->major, found->minor, found->patch);
    if (found->major != 3 || found->minor < 2) {
        ce_search_note(&search, path, "is oneDNN %s; 3.2 or a later 3.x is needed", version);
        return false;
    }
    if (found->cpu_runtime != DN_RUNTIME_OPENMP && found->cpu_runtime != DN_RUNTIME_SEQUENTIAL) {
        ce_search_note(&search, path, "is a build for another threading library than OpenMP (runtime %u)",
            found->cpu_runtime);
        return false;
    }
    return true;
}

static void bind_openmp(void *library) {
    union {
        void *object;
        void (*set)(int);
        int (*get)(void);
    } symbol;
    // A handle's symbols include those of the libraries that it needs.
    gomp_parallel = dlsym(library, "GOMP_parallel");
    gomp_thread_number = dlsym(library, "omp_get_thread_num");
    symbol.object = dlsym(library, "omp_set_num_threads");
    omp_set_num_threads = symbol.object ? symbol.set : NULL;
    symbol.object = dlsym(library, "omp_get_max_threads");
    initial_threads = symbol.object ? symbol.get() : 1;
}

/// Bounds how long libgomp's threads spin before they sleep. Its own, 300,000 turns, costs more than ten times the speed where other
/// processes want the cores (docs/performance-notes.md). It reads its settings from the environment when it is loaded; that is
/// written to before there are threads. What the user says goes before.
__attribute__((constructor)) static void bound_spinning(void) {
    if (!getenv("OMP_WAIT_POLICY")) setenv("GOMP_SPINCOUNT", "10000", 0);
}

static bool try_library(const char *path, void *context) {
    (void)context;
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        const char *reason = dlerror();
        const bool lacks_openmp = strstr(reason, "libgomp.so.1") != NULL;
        ce_search_note(&search, path, "%s%s", reason,
            lacks_openmp ? " (install the OpenMP library: apt-get install libgomp1)" : "");
        return false;
    }
    const char *missing = bind_functions(library);
    if (missing) {
        ce_search_note(&search, path, "has no %s; oneDNN 3.2 or a later 3.x is needed", missing);
    } else if (version_serves(path)) {
        if (dn.engine_create(&dn_cpu, DN_ENGINE_CPU, 0) == DN_SUCCESS) {
            bind_openmp(library);
            ce_search_note(&search, path, "found, oneDNN %s", version);
            return true;
        }
        ce_search_note(&search, path, "could not make a CPU engine");
    }
    dlclose(library);
    return false;
}

bool ce_dnnl_load(const char *extra_directory) {
    pthread_mutex_lock(&lock);
    if (!attempted) {
        attempted = true;
        const bool found = ce_search_library(&search, "libdnnl.so.3", extra_directory, try_library, NULL);
        atomic_store_explicit(&loaded, found, memory_order_release);
    }
    pthread_mutex_unlock(&lock);
    return ce_dnnl_is_loaded();
}

bool ce_dnnl_is_loaded(void) { return atomic_load_explicit(&loaded, memory_order_acquire); }

const char *ce_dnnl_path(void) { return ce_dnnl_is_loaded() ? search.found : NULL; }

const char *ce_dnnl_report(void) {
    pthread_mutex_lock(&lock);
    const char *text = search.report ? search.report : "";
    pthread_mutex_unlock(&lock);
    return text;
}

const char *ce_dnnl_version(void) { return ce_dnnl_is_loaded() ? version : NULL; }

const char *ce_dnnl_isa(void) {
    if (!ce_dnnl_is_loaded()) return NULL;
    switch (dn.get_effective_cpu_isa()) {
    case 0x1: return "sse41";
    case 0x3: return "avx";
    case 0x7: return "avx2";
    case 0xf: return "avx2_vnni";
    case 0x1f: return "avx2_vnni_2";
    case 0x27: return "avx512_core";
    case 0x67: return "avx512_core_vnni";
    case 0xe7: return "avx512_core_bf16";
    case 0x1ef: return "avx512_core_fp16";
    case 0xfef: return "avx512_core_amx";
    case 0x1fef: return "avx512_core_amx_fp16";
    default: return "unnamed";
    }
}

void *ce_dnnl_gomp_parallel(void) { return ce_dnnl_is_loaded() ? gomp_parallel : NULL; }
void *ce_dnnl_gomp_thread_number(void) { return ce_dnnl_is_loaded() ? gomp_thread_number : NULL; }

void ce_dnnl_set_threads(int threads) { atomic_store(&wanted_threads, threads > 0 ? threads : 0); }

int dn_wanted_threads(void) {
    const int wanted = atomic_load_explicit(&wanted_threads, memory_order_relaxed);
    return wanted > 0 ? wanted : initial_threads;
}

void dn_use_threads(int threads) {
    // OpenMP keeps the number for each thread that asks; a thread that never asked has the initial one.
    static _Thread_local int current;
    if (current == threads || (current == 0 && threads == initial_threads) || !omp_set_num_threads) return;
    omp_set_num_threads(threads);
    current = threads;
}

ce_status ce_dnnl_set_cache_capacity(int kernels) {
    if (!ce_dnnl_is_loaded()) return CE_UNAVAILABLE;
    return dn.set_primitive_cache_capacity(kernels) == DN_SUCCESS ? CE_OK : CE_INVALID;
}
